import { elementCount } from '../../../graph/types.ts';
import type { Emitter } from '../../emitter.ts';
import type { Layout } from '../../layout.ts';

/** old·(1−m) + new·m, PyTorch's sense of momentum. */
function movingAverage(
  emitter: Emitter,
  old: string,
  fresh: string,
  momentum: number,
  output: string,
  layout: Layout,
): void {
  const kept = emitter.node('Mul', [emitter.read(old, layout), emitter.scalar(1 - momentum)]);
  const added = emitter.node('Mul', [fresh, emitter.scalar(momentum)]);
  emitter.node('Add', [kept, added], { outputs: [emitter.write(output, layout)] });
}

/**
 * The running averages and 1/σ from the batch's statistics. The running variance takes the unbiased estimate
 * (n/(n−1)), as PyTorch's does.
 */
export function batchStatistics(
  node: { inputs: readonly string[]; outputs: readonly string[]; attributes: { epsilon: number; momentum: number } },
  emitter: Emitter,
  mean: string,
  variance: string,
  layout: Layout = 'plain',
): void {
  const { epsilon, momentum } = node.attributes;
  const [, , , runningMean, runningVariance] = node.inputs;
  const [y, newMean, newVariance, , inverse] = node.outputs;
  const [batch, , ...sizes] = emitter.shapeOf(y!);
  const count = batch! * elementCount(sizes);
  movingAverage(emitter, runningMean!, mean, momentum, newMean!, layout);
  const unbiased = emitter.node('Mul', [variance, emitter.scalar(count / Math.max(1, count - 1))]);
  movingAverage(emitter, runningVariance!, unbiased, momentum, newVariance!, layout);
  const deviation = emitter.node('Sqrt', [emitter.node('Add', [variance, emitter.scalar(epsilon)])]);
  emitter.node('Reciprocal', [deviation], { outputs: [emitter.write(inverse!, layout)] });
}
