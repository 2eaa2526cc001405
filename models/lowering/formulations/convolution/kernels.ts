import { elementCount } from '../../../graph/types.ts';
import { blockedNode } from '../../blocked.ts';
import type { Emitter } from '../../emitter.ts';
import type { PackedKernel } from '../../layout.ts';
import { roundUp } from '../../packing.ts';

/** The layout in which the blocked formulations read weights of this shape; undefined: they have no use for them. */
export function kernelLayout(weightShape: readonly number[], groups: number, block: number): PackedKernel | undefined {
  const [outputs, inputs] = weightShape as [number, number];
  if (block === 0 || weightShape.length !== 4 || outputs < block) return undefined;
  if (groups === 1) return inputs < block ? 'thinKernel' : 'blockedKernel';
  return groups === outputs && inputs === 1 ? 'depthwiseKernel' : undefined;
}

/** Weights [O, C, kh, kw] in the layout that suits them, under the shape in which the engine's convolution takes them. */
export function readKernel(emitter: Emitter, weight: string, layout: PackedKernel): string {
  const { channelBlock: block } = emitter.capabilities;
  const [outputs, inputs, ...kernel] = emitter.shapeOf(weight) as [number, number, number, number];
  const padded = layout === 'blockedKernel' ? roundUp(inputs, block) : inputs;
  return emitter.view(emitter.read(weight, layout), [roundUp(outputs, block), padded, ...kernel]);
}

/**
 * Weights with in and out swapped, made of the given kernel positions in the given order: what a convolution that
 * computes the input's gradient reads. From [O/B, C/B, k, B(in), B(out)]: the tiles in another order, then each tile
 * transposed by the engine's reordering.
 */
export function swappedKernel(
  emitter: Emitter,
  weight: string,
  positions: readonly number[],
  kernel: readonly number[],
): string {
  const { channelBlock: block } = emitter.capabilities;
  const [outputs, inputs, ...sizes] = emitter.shapeOf(weight) as [number, number, number, number];
  const [outer, inner, area] = [Math.ceil(outputs / block), Math.ceil(inputs / block), elementCount(sizes)];
  const order = range(inner).flatMap((c) =>
    range(outer).flatMap((o) => positions.map((k) => (o * inner + c) * area + k)),
  );
  const tiles = emitter.view(emitter.read(weight, 'blockedKernel'), [outer * inner * area, block * block]);
  const sorted = emitter.node('Gather', [tiles, emitter.integers(order)]);
  const turned = blockedNode(emitter, 'ReorderInput', [emitter.view(sorted, [order.length, block, 1, block])]);
  return emitter.view(turned, [inner * block, outer * block, ...kernel]);
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
