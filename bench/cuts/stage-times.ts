import { createOnnxEngine, measureStage } from '../../agent/index.ts';
import { type Cuts, zoo } from '../../models/index.ts';
import type { BlockTimes } from '../../planner/index.ts';
import { percentile } from '../statistics.ts';

export interface MeasuredModel {
  readonly model: keyof typeof zoo;
  readonly microBatch: number;
  readonly microBatches: number;
}

/** A run of blocks, and between which cuts they lie. */
export interface BlockRun {
  readonly cuts: Cuts;
  readonly firstBlock: number;
  readonly lastBlock: number;
}

const classes = 10;

/** Of calls, one in ten is undisturbed by whatever else the machine does. */
const undisturbed = (seconds: readonly number[]) => percentile(seconds, 0.1);

/** Seconds of a stage on this machine, one thread: forward and backward of a micro-batch, and the update. */
export async function stageTimes(measured: MeasuredModel, run: BlockRun): Promise<BlockTimes> {
  const { model, microBatch, microBatches } = measured;
  const engine = createOnnxEngine();
  const stage = await engine.load({
    ...run,
    model,
    microBatch,
    microBatches,
    classes,
    inputShape: zoo[model].sample,
    fused: false,
    optimizer: { name: 'sgd', options: { momentum: 0.9 } },
    seed: 1,
    threads: 1,
  });
  const windows = { windowSeconds: 2e-4, leastWindows: 7, mostWindows: 100, stageSeconds: 0.5 };
  const { forward, backward, update } = await measureStage(engine, stage, classes, windows);
  await engine.dispose();
  return { forward: undisturbed(forward), backward: undisturbed(backward), update: undisturbed(update) };
}
