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
  const { rows, columns } = placesOf(packing(shape, layout, block), shape);
  let plain = 0;
  for (const row of rows) {
    // Counted: an iterator takes longer than the copying.
    for (let at = 0; at < columns.length; at++) target[row + columns[at]!] = values[plain++]!;
  }
}

/** Writes the values of a packed tensor row-major; `values` has one place for each. */
export function unpack(
  packed: Float32Array,
  values: Float32Array,
  shape: readonly number[],
  layout: Layout,
  block: number,
): void {
  if (layout === 'plain') {
    values.set(packed);
    return;
  }
  const { rows, columns } = placesOf(packing(shape, layout, block), shape);
  let plain = 0;
  for (const row of rows) {
    for (let at = 0; at < columns.length; at++) values[plain++] = packed[row + columns[at]!]!;
  }
}

interface Places {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
}

/**
 * Where values lie in the packed tensor, without those that fill up: that of a row-major one is the place of its index in the
 * first axis and that of its index in all others. One list of these, as an axis may be short, and loops over it with it.
 */
function placesOf({ split, permutation }: Packing, shape: readonly number[]): Places {
  const sizes = split.flat();
  const strides = sizes.map(() => 0);
  let stride = 1;
  for (const axis of permutation.toReversed()) {
    strides[axis] = stride;
    stride *= sizes[axis]!;
  }
  let next = 0;
  const [first, second = Int32Array.of(0), others = Int32Array.of(0)] = split.map((parts) =>
    parts.reduce<Int32Array>((places, size) => withinEach(places, size, strides[next++]!), Int32Array.of(0)),
  );
  const columns = new Int32Array((shape[1] ?? 1) * others.length);
  let filled = 0;
  for (const column of second.subarray(0, shape[1] ?? 1))
    for (const other of others) columns[filled++] = column + other;
  return { rows: first!.subarray(0, shape[0]), columns };
}

/** Each place, and `size - 1` more behind it, `step` apart. */
function withinEach(places: Int32Array, size: number, step: number): Int32Array {
  const all = new Int32Array(places.length * size);
  let end = 0;
  for (const place of places) for (let index = 0; index < size; index++) all[end++] = place + index * step;
  return all;
}
