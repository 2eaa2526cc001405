import {
  type LinkModel,
  type Links,
  linkEstimate,
  linksOverWires,
  nominalLink,
  observeTransfer,
  type Transfer,
} from '../links.ts';
import type { BoardSurvey } from './types.ts';

/**
 * The links of boards as their transfers have shown them; those that nobody has measured are taken for typical ones of these.
 * They are measured one at a time, and a board's wire is as fast as the fastest of its links.
 */
export function linksBetween(surveys: ReadonlyMap<string, BoardSurvey>): Links {
  const known = new Map<string, LinkModel>();
  for (const [from, { links }] of surveys) {
    for (const { to, transfers } of links) {
      const model = linkOf(transfers);
      if (model !== undefined) known.set(`${from}>${to}`, model);
    }
  }
  if (known.size === 0) return { between: () => nominalLink, everywhere: nominalLink };
  const usual = typicalOf([...known.values()]);
  return linksOverWires(known, usual, (fastest = usual.bytesPerSecond) => fastest);
}

/** As long as an activation of a small model. */
const typicalBytes = 262_144;

/** The one in the middle by how long it takes with a tensor. */
function typicalOf(links: readonly LinkModel[]): LinkModel {
  const seconds = ({ latencySeconds, bytesPerSecond }: LinkModel) => latencySeconds + typicalBytes / bytesPerSecond;
  return links.toSorted((a, b) => seconds(a) - seconds(b))[links.length >> 1]!;
}

/** Of one link; a transfer ends with the receiver's credit, so half of what is the same for all sizes is the way there. */
function linkOf(transfers: readonly Transfer[]): LinkModel | undefined {
  const bySize = transfers.toSorted((a, b) => a.bytes - b.bytes);
  const [small, large] = [bySize[0], bySize.at(-1)].map((end) => typical(transfers, end?.bytes));
  if (small === undefined || large === undefined) return undefined;
  const rate = (large.bytes - small.bytes) / (large.seconds - small.seconds);
  const bytesPerSecond = rate > 0 && Number.isFinite(rate) ? rate : large.bytes / large.seconds;
  const latencySeconds = Math.max(0, small.seconds - small.bytes / bytesPerSecond);
  const { model } = transfers.reduce(observeTransfer, linkEstimate({ bytesPerSecond, latencySeconds }));
  return { ...model, latencySeconds: model.latencySeconds / 2 };
}

/** The median of the transfers of one size. */
function typical(transfers: readonly Transfer[], bytes: number | undefined): Transfer | undefined {
  const alike = transfers.filter((transfer) => transfer.bytes === bytes).sort((a, b) => a.seconds - b.seconds);
  return alike[alike.length >> 1];
}
