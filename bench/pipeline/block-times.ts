import { createOnnxEngine } from '../../agent/index.ts';
import { buildModel, defaultCuts, elementCount, splitIntoBlocks, zoo } from '../../models/index.ts';
import { median } from '../statistics.ts';

const WARM_UPS = 2;
const ROUNDS = 5;
const CLASSES = 10;

export interface BlockTimesWish {
  readonly model: keyof typeof zoo;
  readonly microBatch: number;
  readonly microBatches: number;
}

/**
 * Seconds of each block, between the cuts of `train`, for one micro-batch on this machine with one thread: forward, backward, and the micro-batch's
 * part of the update. What one would measure once on one board to share the work out by a single number a board.
 */
export async function blockTimes({ model, microBatch, microBatches }: BlockTimesWish): Promise<readonly number[]> {
  const inputShape = zoo[model].sample;
  const { graph } = buildModel(model, { batch: microBatch, classes: CLASSES, inputShape });
  const blocks = splitIntoBlocks(graph, defaultCuts).length;
  const times: number[] = [];
  for (let block = 0; block < blocks; block++) {
    const engine = createOnnxEngine();
    const isLast = block === blocks - 1;
    const stage = await engine.load({
      model,
      classes: CLASSES,
      inputShape,
      cuts: defaultCuts,
      microBatch,
      microBatches: 1,
      firstBlock: block,
      lastBlock: block,
      fused: isLast,
      optimizer: { name: 'sgd', options: { momentum: 0.9 } },
      seed: 1,
      threads: 1,
    });
    const values = (shape: readonly number[]) =>
      Float32Array.from({ length: elementCount(shape) }, (_, index) => Math.sin(index * 0.7 + (index % 13)));
    const labels = Int32Array.from({ length: microBatch }, (_, index) => index % CLASSES);
    const rounds: number[] = [];
    for (let step = 0; step < WARM_UPS + ROUNDS; step++) {
      const id = { step, microBatch: 0 };
      const input = values(stage.inputShape);
      const passes = isLast
        ? [await engine.forwardBackward(id, input, labels.slice())]
        : [await engine.forward(id, input), await engine.backward(id, values(stage.outputShape))];
      const update = await engine.update(step, 0.01);
      const seconds = passes.reduce((sum, pass) => sum + pass.seconds, 0) + update.seconds / microBatches;
      if (step >= WARM_UPS) rounds.push(seconds);
    }
    await engine.dispose();
    times.push(median(rounds));
  }
  return times;
}
