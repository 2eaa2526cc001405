import type { LinkCodecs } from '../link-codecs.ts';
import {
  type Effort,
  type Partition,
  type PartitionRequest,
  partition,
  partitionOfSplit,
  usualEffort,
} from '../partition/index.ts';
import { type ChosenWidths, chooseWidths, type LadderAt, stepWithWidths, WIDTH_SLACK } from './choose.ts';
import { encodedAlike, encodedAlong, type Holding } from './encoded.ts';
import { bitsOf } from './ladder.ts';

/** How links of a pipeline may encode. */
export type Widths = {
  /** What links have where their cut is not known yet, the widest first; at least one. */
  readonly ladder: readonly LinkCodecs[];
  /** `ladder` where absent. */
  readonly ladderAt?: LadderAt;
};

/** Why a link has its width. Seconds are of a step, in which only this link is another. */
export type LinkWidth = {
  readonly from: string;
  readonly to: string;
  readonly codecs: LinkCodecs;
  /** As wide as may be. */
  readonly widest: { readonly codecs: LinkCodecs; readonly seconds: number };
  /** The next wider one; absent where there is none. */
  readonly wider?: { readonly codecs: LinkCodecs; readonly seconds: number };
  /** The next narrower one; absent where none is allowed. */
  readonly narrower?: { readonly codecs: LinkCodecs; readonly seconds: number };
};

/** A partition and the widths of its links. */
export type EncodedPartition = {
  readonly partition: Partition;
  /** With the links, and the boards' times, as these widths make them. */
  readonly request: PartitionRequest;
  /** By link, from stage 0 on. */
  readonly widths: readonly LinkWidth[];
};

/**
 * Boards, blocks and widths together. The blocks are shared out twice, for links as wide and as narrow as they may be:
 * narrow links allow cuts where tensors are large. Of both plans, each with the widths that it needs, the one stays
 * whose narrowest link is the widest, if its step is within `WIDTH_SLACK` of the best. `request` is that of tensors as they
 * are. Throws as `partition` does.
 */
export function partitionWithWidths(
  request: PartitionRequest,
  widths: Widths,
  effort: Effort = usualEffort,
): EncodedPartition {
  const ends = [...new Set([widths.ladder[0]!, widths.ladder.at(-1)!])];
  const candidates = ends.map((codecs) => {
    const found = partition(encodedAlike(request, codecs), effort);
    return { found, chosen: choose(request, found, widths) };
  });
  const best = Math.min(...candidates.map(({ chosen }) => chosen.fastestSeconds));
  const near = candidates.filter(({ chosen }) => chosen.seconds <= (1 + WIDTH_SLACK) * best);
  const { found, chosen } = near.toSorted(
    (a, b) => narrowestBits(b.chosen) - narrowestBits(a.chosen) || a.chosen.seconds - b.chosen.seconds,
  )[0]!;
  const bound = Math.min(...candidates.map((candidate) => candidate.found.boundSeconds));
  return encodedPartition(request, found, chosen, widths, bound);
}

/** The widths of blocks that are shared out already. Throws as `partitionOfSplit` does. */
export function widthsOfSplit(
  request: PartitionRequest,
  split: Parameters<typeof partitionOfSplit>[1],
  widths: Widths,
): EncodedPartition {
  const found = partitionOfSplit(request, split);
  return encodedPartition(request, found, choose(request, found, widths), widths, 0);
}

/** Who holds which blocks in a partition, or in a plan. */
export function holdingsOf(
  stages: readonly { board: string; firstBlock: number; lastBlock: number }[],
): readonly Holding[] {
  return stages.map(({ board, firstBlock, lastBlock }) => ({ board, first: firstBlock, end: lastBlock + 1 }));
}

function choose(request: PartitionRequest, { stages }: Partition, { ladder, ladderAt = () => ladder }: Widths) {
  return chooseWidths(request, holdingsOf(stages), ladderAt);
}

function narrowestBits({ codecs }: ChosenWidths): number {
  return Math.min(...codecs.map(bitsOf));
}

function encodedPartition(
  request: PartitionRequest,
  { stages }: Partition,
  { codecs }: ChosenWidths,
  widths: Widths,
  bound: number,
): EncodedPartition {
  const holdings = holdingsOf(stages);
  const encoded = encodedAlong(request, holdings, codecs, widths.ladder.at(-1)!);
  const split = holdings.map(({ board, first, end }) => ({ board, blocks: end - first }));
  const described = partitionOfSplit(encoded, split);
  return {
    partition: { ...described, boundSeconds: Math.min(bound, described.stepSeconds) },
    request: encoded,
    widths: codecs.map((_, link) => linkWidth(request, holdings, codecs, widths, link)),
  };
}

function linkWidth(
  request: PartitionRequest,
  holdings: readonly Holding[],
  codecs: readonly LinkCodecs[],
  { ladder: usual, ladderAt = () => usual }: Widths,
  link: number,
): LinkWidth {
  const own = codecs[link]!;
  const ladder = ladderAt(holdings[link]!.end);
  const place = ladder.indexOf(own);
  const stepWith = (other: LinkCodecs) => ({
    codecs: other,
    seconds: stepWithWidths(request, holdings, codecs.with(link, other)),
  });
  const [wider, narrower] = [ladder[place - 1], ladder[place + 1]];
  return {
    from: holdings[link]!.board,
    to: holdings[link + 1]!.board,
    codecs: own,
    widest: stepWith(ladder[0]!),
    ...(wider && { wider: stepWith(wider) }),
    ...(narrower && { narrower: stepWith(narrower) }),
  };
}
