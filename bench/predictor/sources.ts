import { buildModel, modelNames, splitIntoBlocks, zoo } from '../../models/index.ts';
import { probeNames, probeSource, type Source } from '../../planner/index.ts';
import type { EmulatedBoard } from './boards.ts';

export const classes = 10;
const blockMicroBatches = [4, 16];
const stageMicroBatch = 8;

export const blocksOf = (model: keyof typeof zoo) =>
  splitIntoBlocks(buildModel(model, { batch: 1, classes, inputShape: zoo[model].sample }).graph).length;

export function sourceOf(model: keyof typeof zoo, firstBlock: number, lastBlock: number, microBatch: number): Source {
  return { model, classes, inputShape: zoo[model].sample, firstBlock, lastBlock, microBatch };
}

/** The probes, each block of each model, halves of each model, and each model whole (which runs as one). */
export const sources: readonly Source[] = [...probeNames.map(probeSource), ...modelNames.flatMap(sourcesOf)];

/** Every second block is left out at the larger micro-batch: it says little that its neighbours do not. */
function sourcesOf(model: keyof typeof zoo): readonly Source[] {
  const count = blocksOf(model);
  const middle = Math.round(count / 2);
  const blocks = blockMicroBatches.flatMap((microBatch, index) =>
    Array.from({ length: count }, (_, block) => sourceOf(model, block, block, microBatch)).filter(
      ({ firstBlock }) => index === 0 || firstBlock % 2 === 0,
    ),
  );
  const stages = [
    [0, middle - 1],
    [middle, count - 1],
    [0, count - 1],
  ].map(([first, last]) => sourceOf(model, first!, last!, stageMicroBatch));
  return [...blocks, ...stages.filter(({ firstBlock, lastBlock }) => lastBlock > firstBlock)];
}

const counts = new Map(modelNames.map((model) => [model as string, blocksOf(model)]));
export const isWhole = ({ model, firstBlock, lastBlock }: Source) =>
  firstBlock === 0 && lastBlock + 1 === counts.get(model);

/** At less than this share of a core, to visit everything would take minutes. */
const slowQuota = 0.2;

/** Slow boards, and those of two threads, leave the larger micro-batch out; slow ones also the models as one. */
export function isWanted({ quota = 1, threads }: EmulatedBoard, source: Source): boolean {
  const isSlow = quota < slowQuota;
  return !((isSlow || threads > 1) && source.microBatch === blockMicroBatches[1]) && !(isSlow && isWhole(source));
}
