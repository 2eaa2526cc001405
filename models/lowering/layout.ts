import { elementCount } from '../graph/types.ts';
import { type Capabilities, type Emitter, ints } from './emitter.ts';

/**
 * How a value lies in memory.
 * - `plain`: row-major, as its shape says.
 * - `blocked`: an activation [N,C,H,W] as [N, C/b, H, W, b] (ONNX Runtime's NCHWc), b = `channelBlock`.
 * - `blockedKernel`: convolution weights [O,C,kh,kw] as [O/b, C/b, kh, kw, b(in), b(out)].
 * - `blockedTurnedKernel`: the weights of the input gradient: in and out swapped, each kernel turned by 180°, then as
 *   `blockedKernel`.
 */
export type Layout = 'plain' | 'blocked' | 'blockedKernel' | 'blockedTurnedKernel';

type Conversion = (emitter: Emitter, name: string, shape: readonly number[]) => string;

/** A value of one layout made from `plain`, and back; every other conversion goes through `plain`. */
const fromPlain: Record<Exclude<Layout, 'plain'>, Conversion> = {
  blocked: (emitter, name) => emitter.node('ReorderInput', [name], { domain: 'com.microsoft.nchwc' }),
  blockedKernel: (emitter, name, [outputs, inputs, height, width]) =>
    blockKernel(emitter, name, [outputs!, inputs!, height!, width!], [0, 2, 4, 5, 3, 1]),
  blockedTurnedKernel: (emitter, name, shape) => {
    const turned = turnKernel(emitter, name, shape.slice(2));
    const [outputs, inputs, height, width] = shape;
    return blockKernel(emitter, turned, [outputs!, inputs!, height!, width!], [2, 0, 4, 5, 1, 3]);
  },
};

const toPlain: Record<Exclude<Layout, 'plain'>, Conversion> = {
  blocked: (emitter, name, shape) =>
    emitter.node('ReorderOutput', [name], {
      domain: 'com.microsoft.nchwc',
      attributes: { channels: { kind: 'int', value: shape[1]! } },
    }),
  blockedKernel: () => refuse('blockedKernel'),
  blockedTurnedKernel: () => refuse('blockedTurnedKernel'),
};

function refuse(layout: Layout): never {
  throw new Error(`a value in layout '${layout}' is never the original: nothing converts it back`);
}

export function convert(emitter: Emitter, name: string, shape: readonly number[], from: Layout, to: Layout): string {
  const plain = from === 'plain' ? name : toPlain[from](emitter, name, shape);
  return to === 'plain' ? plain : fromPlain[to](emitter, plain, shape);
}

/** The shape that a value in a layout is declared with at the border of a program. */
export function physicalShape(
  shape: readonly number[],
  _layout: Layout,
  _capabilities: Capabilities,
): readonly number[] {
  return shape;
}

/** Can an activation of this shape be held in the blocked layout? */
export function fitsBlocked(shape: readonly number[], capabilities: Capabilities): boolean {
  return capabilities.channelBlock > 0 && shape.length === 4 && shape[1]! % capabilities.channelBlock === 0;
}

/** Reverses the spatial axes of a kernel, which is what correlating with it backwards means. */
export function turnKernel(emitter: Emitter, name: string, kernel: readonly number[]): string {
  if (elementCount(kernel) === 1) return name;
  const axes = kernel.map((_, axis) => axis + 2);
  const backwards = kernel.map(() => -1);
  const ends = kernel.map(() => -(2 ** 31));
  const inputs = [backwards, ends, axes, backwards].map((values) => emitter.integers(values));
  return emitter.node('Slice', [name, ...inputs]);
}

function blockKernel(
  emitter: Emitter,
  name: string,
  [outputs, inputs, height, width]: readonly [number, number, number, number],
  permutation: readonly number[],
): string {
  const block = emitter.capabilities.channelBlock;
  const split = [outputs / block, block, inputs / block, block, height, width];
  const blocked = emitter.node('Reshape', [name, emitter.integers(split)]);
  const permuted = emitter.node('Transpose', [blocked], { attributes: { perm: ints(...permutation) } });
  const [first, second] = [split[permutation[0]!]! * block, split[permutation[1]!]! * block];
  return emitter.node('Reshape', [permuted, emitter.integers([first, second, height, width])]);
}
