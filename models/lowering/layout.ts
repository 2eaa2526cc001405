import type { Capabilities, Emitter } from './emitter.ts';
import { ints } from './emitter.ts';
import { packedSizes, packing } from './packing.ts';

/**
 * How a value lies in memory; B = `channelBlock`, C/B rounded up, the channels that fill up are zero.
 * - `plain`: row-major, as its shape says.
 * - `blocked`: an activation [N, C, H, W] as [C/B, H, W, N, B], so that a column (one place, all samples) is contiguous
 *   and a kernel step to the right is a step of N places; a vector [C] as [C/B·B].
 * - `blockedKernel`: convolution weights [O, C, kh, kw] as [O/B, C/B, kh·kw, B(in), B(out)].
 * - `thinKernel`: weights of fewer than B input channels as [O/B, C, kh·kw, B(out)].
 * - `depthwiseKernel`: depthwise weights [C, 1, kh, kw] as [C/B, kh·kw, B].
 */
export type Layout = 'plain' | 'blocked' | PackedKernel;
export type PackedKernel = 'blockedKernel' | 'thinKernel' | 'depthwiseKernel';
export const layouts = ['plain', 'blocked', 'blockedKernel', 'thinKernel', 'depthwiseKernel'] as const;

const nchwc = { domain: 'com.microsoft.nchwc' } as const;

/** Brings a value from one layout into another, by way of `plain`. */
export function convert(emitter: Emitter, name: string, shape: readonly number[], from: Layout, to: Layout): string {
  const plain = from === 'plain' ? name : toPlain(emitter, name, shape, from);
  return to === 'plain' ? plain : fromPlain(emitter, plain, shape, to);
}

/** The shape that a value in a layout is declared with: that of the engine's own operations. */
export function physicalShape(
  shape: readonly number[],
  layout: Layout,
  { channelBlock: block }: Capabilities,
): readonly number[] {
  if (layout === 'plain') return shape;
  const sizes = packedSizes(packing(shape, layout, block));
  const [first, second, third] = sizes as [number, number, number];
  switch (layout) {
    case 'blocked':
      return shape.length === 1 ? [first * block] : [1, first * block, shape[2]!, shape[3]! * shape[0]!];
    case 'blockedKernel':
      return [first, second, third * block * block];
    case 'thinKernel':
      return [first, second, third * block];
    case 'depthwiseKernel':
      return [1, first * block, ...shape.slice(2)];
    default:
      return layout satisfies never;
  }
}

/** Is an activation of this shape worth the blocked layout? With fewer channels than a block most of it would be zeros. */
export function fitsBlocked(shape: readonly number[], { channelBlock }: Capabilities): boolean {
  return channelBlock > 0 && shape.length === 4 && shape[1]! >= channelBlock;
}

function fromPlain(emitter: Emitter, name: string, shape: readonly number[], layout: Exclude<Layout, 'plain'>): string {
  if (shape.length !== 1 && shape.length !== 4)
    throw new Error(`a value of shape [${shape.join(', ')}] has no layout '${layout}'`);
  const { padded, split, permutation } = packing(shape, layout, emitter.capabilities.channelBlock);
  const filled = fill(emitter, name, shape, padded);
  if (shape.length === 1) return filled;
  const physical = physicalShape(shape, layout, emitter.capabilities);
  if (layout === 'blocked') return emitter.view(interleave(emitter, filled, padded), physical);
  if (layout === 'blockedKernel') return emitter.view(blockKernel(emitter, filled, split.flat()), physical);
  return emitter.view(transpose(emitter, emitter.view(filled, split.flat()), permutation), physical);
}

function toPlain(emitter: Emitter, name: string, shape: readonly number[], layout: Exclude<Layout, 'plain'>): string {
  const plan = packing(shape, layout, emitter.capabilities.channelBlock);
  if (layout === 'blocked' && shape.length === 4) return separate(emitter, name, shape, plan.padded);
  if (shape.length === 1) return cut(emitter, name, plan.padded, shape);
  const inverse = plan.permutation.map((_, axis) => plan.permutation.indexOf(axis));
  const apart = transpose(emitter, emitter.view(name, packedSizes(plan)), inverse);
  return cut(emitter, emitter.view(apart, plan.padded), plan.padded, shape);
}

/** [N, C, H, W] → [N, C/B, H, W, B] by the engine's own reordering, then samples inside. */
function interleave(emitter: Emitter, name: string, [batch, channels, height, width]: readonly number[]): string {
  const blocks = emitter.node('ReorderInput', [name], nchwc);
  const block = emitter.capabilities.channelBlock;
  const places = (channels! / block) * height! * width!;
  return batch === 1 ? blocks : transpose(emitter, emitter.view(blocks, [batch!, places, block]), [1, 0, 2]);
}

function separate(emitter: Emitter, name: string, shape: readonly number[], padded: readonly number[]): string {
  const [batch, channels, height, width] = padded as [number, number, number, number];
  const block = emitter.capabilities.channelBlock;
  const places = (channels / block) * height * width;
  const outside = batch === 1 ? name : transpose(emitter, emitter.view(name, [places, batch, block]), [1, 0, 2]);
  return emitter.node('ReorderOutput', [emitter.view(outside, padded)], {
    ...nchwc,
    attributes: { channels: { kind: 'int', value: shape[1]! } },
  });
}

/** [O, C, k] → [O/B, C/B·B·k, B(out)] by the engine's reordering (3 to 4 times as fast as a transposition), then B(in) inside. */
function blockKernel(emitter: Emitter, name: string, [outer, block, inner, , area]: readonly number[]): string {
  const rows = emitter.view(name, [outer!, block!, 1, inner! * block! * area!]);
  const reordered = emitter.node('ReorderInput', [rows], nchwc);
  const tiles = emitter.view(reordered, [outer! * inner!, block!, area!, block!]);
  return transpose(emitter, tiles, [0, 2, 1, 3]);
}

/** Appends zeros up to a larger shape. */
function fill(emitter: Emitter, name: string, shape: readonly number[], larger: readonly number[]): string {
  const ends = larger.map((size, axis) => size - shape[axis]!);
  if (ends.every((end) => end === 0)) return name;
  return emitter.node('Pad', [name, emitter.integers([...shape.map(() => 0), ...ends])]);
}

/** Drops what `fill` appended. */
function cut(emitter: Emitter, name: string, shape: readonly number[], smaller: readonly number[]): string {
  const axes = shape.flatMap((size, axis) => (size === smaller[axis] ? [] : [axis]));
  if (axes.length === 0) return name;
  const inputs = [axes.map(() => 0), axes.map((axis) => smaller[axis]!), axes];
  return emitter.node('Slice', [name, ...inputs.map((values) => emitter.integers(values))]);
}

export function transpose(emitter: Emitter, name: string, permutation: readonly number[]): string {
  return emitter.node('Transpose', [name], { attributes: { perm: ints(...permutation) } });
}
