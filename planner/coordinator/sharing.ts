import {
  type CodecWish,
  encodedAlong,
  holdingsOf,
  type LinkCodecs,
  type Partition,
  type PartitionRequest,
  type Plan,
  partition,
  partitionOfSplit,
  partitionWithWidths,
  type WidthFloors,
  widthsOf,
  widthsOfSplit,
} from '../index.ts';

/** Boards and blocks of a plan, and how its links encode. */
export type Share = {
  readonly partition: Partition;
  /** With the links as they encode. */
  readonly request: PartitionRequest;
  /** By link; none where nothing is encoded. */
  readonly codecs: readonly LinkCodecs[];
};

type Split = Parameters<typeof partitionOfSplit>[1];

/**
 * Shares the blocks out, and chooses the widths of links where that is wished for. `request` is that of tensors as they are.
 * Throws as `partition` does, and `partitionOfSplit` where the split is given.
 */
export function shareOut(
  request: PartitionRequest,
  wish: CodecWish | undefined,
  floors: WidthFloors,
  split: Split | undefined,
): Share {
  if (wish === undefined) {
    const chosen = split === undefined ? partition(request) : partitionOfSplit(request, split);
    return { partition: chosen, request, codecs: [] };
  }
  const widths = widthsOf(wish, floors);
  const chosen = split === undefined ? partitionWithWidths(request, widths) : widthsOfSplit(request, split, widths);
  return { ...chosen, codecs: chosen.widths.map(({ codecs }) => codecs) };
}

/** The share that a plan is, by what is known now. Throws as `partitionOfSplit` does. */
export function shareOf(request: PartitionRequest, { stages, codecs }: Pick<Plan, 'stages' | 'codecs'>): Share {
  const holdings = holdingsOf(stages);
  const own = codecs?.links ?? [];
  const encoded = own.length === 0 ? request : encodedAlong(request, holdings, own, own[0]!);
  const split = holdings.map(({ board, first, end }) => ({ board, blocks: end - first }));
  return { partition: partitionOfSplit(encoded, split), request: encoded, codecs: own };
}
