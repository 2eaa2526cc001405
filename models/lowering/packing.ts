import { elementCount } from '../graph/types.ts';
import type { Layout } from './layout.ts';

/**
 * A layout as steps from row-major: append zeros up to `padded`; split each of the axes (first, second, all others as
 * one) into the sizes of `split`; permute the axes that this gives, numbered through.
 */
export interface Packing {
  readonly padded: readonly number[];
  readonly split: readonly (readonly number[])[];
  readonly permutation: readonly number[];
}

export function roundUp(count: number, block: number): number {
  return Math.ceil(count / block) * block;
}

export function packing(shape: readonly number[], layout: Exclude<Layout, 'plain'>, block: number): Packing {
  const [first, second, ...rest] = shape as [number, number, ...number[]];
  const area = [elementCount(rest)];
  const blocks = (size: number) => [Math.ceil(size / block), block];
  switch (layout) {
    case 'blocked': {
      const split = [[first], blocks(second), area];
      if (shape.length === 1) return { padded: [roundUp(first, block)], split: [blocks(first)], permutation: [0, 1] };
      return { padded: [first, roundUp(second, block), ...rest], split, permutation: [1, 3, 0, 2] };
    }
    case 'blockedKernel': {
      const padded = [roundUp(first, block), roundUp(second, block), ...rest];
      return { padded, split: [blocks(first), blocks(second), area], permutation: [0, 2, 4, 3, 1] };
    }
    case 'thinKernel':
    case 'depthwiseKernel': {
      const padded = [roundUp(first, block), second, ...rest];
      return { padded, split: [blocks(first), [second], area], permutation: [0, 2, 3, 1] };
    }
    default:
      return layout satisfies never;
  }
}

/** The sizes of a packed tensor, axis by axis. */
export function packedSizes({ split, permutation }: Packing): number[] {
  const sizes = split.flat();
  return permutation.map((axis) => sizes[axis]!);
}

/** How many values a tensor takes in a layout. */
export function packedCount(shape: readonly number[], layout: Layout, block: number): number {
  return layout === 'plain' ? elementCount(shape) : elementCount(packing(shape, layout, block).padded);
}

/** Writes row-major values into a layout; `target` has `packedCount` values, and those that fill up become zero. */
export function pack(
  values: Float32Array,
  target: Float32Array,
  shape: readonly number[],
  layout: Layout,
  block: number,
): void {
  if (layout === 'plain') {
    target.set(values);
    return;
  }
  target.fill(0);
  visit(shape, packing(shape, layout, block), (plain, packed) => {
    target[packed] = values[plain]!;
  });
}

/** The row-major values of a packed tensor. */
export function unpack(
  packed: Float32Array,
  shape: readonly number[],
  layout: Layout,
  block: number,
): Float32Array<ArrayBuffer> {
  if (layout === 'plain') return Float32Array.from(packed);
  const values = new Float32Array(elementCount(shape));
  visit(shape, packing(shape, layout, block), (plain, at) => {
    values[plain] = packed[at]!;
  });
  return values;
}

/** Calls `each` with every value's place in row-major order and its place in the packed tensor. */
function visit(shape: readonly number[], plan: Packing, each: (plain: number, packed: number) => void): void {
  const [first, second = [0], others = [0]] = placesOf(plan);
  const inner = shape[1] ?? 1;
  let plain = 0;
  for (let i = 0; i < shape[0]!; i++) {
    for (let j = 0; j < inner; j++) {
      const base = first![i]! + second[j]!;
      for (const offset of others) each(plain++, base + offset);
    }
  }
}

/** For each logical axis: where its every index lies in the packed tensor. */
function placesOf({ split, permutation }: Packing): number[][] {
  const sizes = split.flat();
  const strides = sizes.map(() => 0);
  let stride = 1;
  for (const axis of permutation.toReversed()) {
    strides[axis] = stride;
    stride *= sizes[axis]!;
  }
  let next = 0;
  return split.map((parts) =>
    parts.reduce<number[]>(
      (places, size) => {
        const step = strides[next++]!;
        return places.flatMap((place) => Array.from({ length: size }, (_, index) => place + index * step));
      },
      [0],
    ),
  );
}
