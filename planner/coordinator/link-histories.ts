import type { DeviceReport } from '../../broker/index.ts';
import { type LinkLoad, type Links, linksFrom, linkUnderLoad } from '../index.ts';
import type { RunState, StageState } from './state.ts';

/** What a link has done in the latest steps, oldest first. */
export type LinkHistory = {
  readonly loads: readonly LinkLoad[];
  /** Relative errors of what was encoded with the width that it has now. */
  readonly errors: readonly number[];
};

/** By `FROM>TO`. */
export type LinkHistories = ReadonlyMap<string, LinkHistory>;

const REMEMBERED = 5;
/** Steps that may still be under way with the widths of before when boards are told of others. */
const STEPS_UNDER_WAY = 2;
const nothing: LinkHistory = { loads: [], errors: [] };

/** After one more step of a stage. Links to boards that are no neighbours carry labels, which tell nothing. */
export function linksAfter(
  { links, plan, request, widthsAt }: RunState,
  { stage, board, step }: StageState,
  report: Extract<DeviceReport, { kind: 'step' }>,
): LinkHistories {
  const neighbours = [plan?.stages[stage - 1]?.board, plan?.stages[stage + 1]?.board];
  const after = new Map(links);
  for (const { to, bytes, busySeconds, relativeError } of report.links) {
    if (!neighbours.includes(to)) continue;
    const before = links.get(`${board}>${to}`) ?? nothing;
    const load = { bytes, tensors: request.settings.microBatches, busySeconds: busySeconds ?? 0 };
    const isOfNow = relativeError !== undefined && step > widthsAt + STEPS_UNDER_WAY;
    after.set(`${board}>${to}`, {
      loads: [...before.loads, load].slice(-REMEMBERED),
      errors: isOfNow ? [...before.errors, relativeError].slice(-REMEMBERED) : before.errors,
    });
  }
  return after;
}

/** The same when the links have other widths, or other tensors. */
export function withoutErrors(links: LinkHistories): LinkHistories {
  return new Map([...links].map(([pair, { loads }]) => [pair, { loads, errors: [] }]));
}

/** Links as they were measured, after what they have carried since. */
export function linksUnderLoad({ between }: Links, histories: LinkHistories): Links {
  return linksFrom((from, to) => linkUnderLoad(between(from, to), histories.get(`${from}>${to}`)?.loads ?? []));
}
