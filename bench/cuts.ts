import { parseArgs } from 'node:util';
import {
  type Block,
  buildModel,
  type Cuts,
  cutKinds,
  isModelName,
  modelNames,
  splitIntoBlocks,
  zoo,
} from '../models/index.ts';
import { type BlockTimes, modelBlocks, type PlannerBoard, partition, uniformLinks } from '../planner/index.ts';
import { packingCost } from './cuts/packing.ts';
import { type MeasuredModel, stageTimes } from './cuts/stage-times.ts';
import { boardNames, quotas } from './lab/scenario.ts';

/** Links by name, the slowest last. */
const links = {
  none: { bytesPerSecond: 1e15, latencySeconds: 0 },
  '940 Mbit/s, 0.3 ms': { bytesPerSecond: 117.5e6, latencySeconds: 3e-4 },
  '100 Mbit/s, 2 ms': { bytesPerSecond: 12.5e6, latencySeconds: 2e-3 },
} as const;

/**
 * How near to the boards' compute a plan can come on boards of 0.8, 0.4, 0.2 and 0.1 of a core, with the blocks between
 * single and between double cuts, from the blocks' times on this machine. Numbers are defined in METHODOLOGY.md.
 */
export async function cutsBench(args: readonly string[]): Promise<unknown> {
  const measured = readOptions(args);
  const { microBatches, packing } = measured;
  const blocks = { single: blocksOf(measured, 'single'), double: blocksOf(measured, 'double') };
  if (packing) return { ...measured, packing: await packingCost(measured, blocks.double) };
  const lastBlock = blocks.double.length - 1;
  const whole = await stageTimes(measured, { cuts: 'double', firstBlock: 0, lastBlock });
  const alone: BlockTimes[] = [];
  for (const block of blocks.double.keys()) {
    alone.push(await stageTimes(measured, { cuts: 'double', firstBlock: block, lastBlock: block }));
  }
  const fine = shareOut(whole, alone);
  const bound = stepOf(whole, microBatches) / quotas.reduce((sum, quota) => sum + quota, 0);
  const cases = cutKinds.flatMap((cuts) => {
    const boards = boardsOf(joined(fine, blocks.double, blocks[cuts]));
    return Object.keys(links).map((link) => planned(measured, cuts, link as keyof typeof links, boards, bound));
  });
  const counts = { single: blocks.single.length, double: blocks.double.length };
  const wholeMilliseconds = round(1000 * (whole.forward + whole.backward));
  return { ...measured, blocks: counts, wholeMilliseconds, quotas, cases };
}

function blocksOf({ model, microBatch }: MeasuredModel, cuts: Cuts): readonly Block[] {
  const { graph } = buildModel(model, { batch: microBatch, classes: 10, inputShape: zoo[model].sample });
  return splitIntoBlocks(graph, cuts);
}

/** Seconds of a step on one board that waits for nobody. */
const stepOf = ({ forward, backward, update }: BlockTimes, microBatches: number) =>
  microBatches * (forward + backward) + update;

const passes = ['forward', 'backward', 'update'] as const;

/** The whole's times over its blocks, in proportion to their times alone, which hold the border of each block as well. */
function shareOut(whole: BlockTimes, alone: readonly BlockTimes[]): readonly BlockTimes[] {
  const sumOf = (pass: (typeof passes)[number]) => alone.reduce((sum, block) => sum + block[pass], 0);
  const factors = passes.map((pass) => [pass, whole[pass] / sumOf(pass)] as const);
  return alone.map(
    (block) => Object.fromEntries(factors.map(([pass, factor]) => [pass, factor * block[pass]])) as BlockTimes,
  );
}

/** The times of coarser blocks, each of which begins with a finer one of its name. */
function joined(fine: readonly BlockTimes[], blocks: readonly Block[], coarser: readonly Block[]): BlockTimes[] {
  const starts = coarser.map((block) => blocks.findIndex(({ name }) => name === block.name));
  return starts.map((start, index) => {
    const parts = fine.slice(start, starts[index + 1]);
    const sumOf = (pass: (typeof passes)[number]) => parts.reduce((sum, block) => sum + block[pass], 0);
    return { forward: sumOf('forward'), backward: sumOf('backward'), update: sumOf('update') };
  });
}

function boardsOf(blocks: readonly BlockTimes[]): readonly PlannerBoard[] {
  return quotas.map((quota, index) => ({
    id: boardNames[index]!,
    memoryBytes: 8e9,
    callSeconds: 0,
    blocks: blocks.map(({ forward, backward, update }) => ({
      forward: forward / quota,
      backward: backward / quota,
      update: update / quota,
    })),
  }));
}

function planned(
  { model, microBatch, microBatches }: MeasuredModel,
  cuts: Cuts,
  link: keyof typeof links,
  boards: readonly PlannerBoard[],
  bound: number,
) {
  const blocks = modelBlocks({ name: model, cuts }, microBatch);
  const { stepSeconds, stages } = partition({ blocks, boards, microBatches, links: uniformLinks(links[link]) });
  return {
    cuts,
    link,
    shareOfBound: round(bound / stepSeconds),
    slowestAlone: round(bound / Math.max(...stages.map(({ predictedSeconds }) => predictedSeconds))),
    stages: stages.map(({ board, firstBlock, lastBlock }) => `${board} ${firstBlock}-${lastBlock}`).join(', '),
  };
}

function readOptions(args: readonly string[]): MeasuredModel & { readonly packing: boolean } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: { type: 'string', default: 'resnet18' },
      batch: { type: 'string', default: '256' },
      'micro-batches': { type: 'string', default: '16' },
      packing: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const { model } = values;
  if (!isModelName(model)) throw new Error(`--model is '${model}': choose one of ${modelNames.join(', ')}`);
  const microBatches = Number(values['micro-batches']);
  return { model, microBatches, microBatch: Number(values.batch) / microBatches, packing: values.packing };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
