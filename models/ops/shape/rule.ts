import type { ShapeError } from '../../errors.ts';
import type { Shape, TensorType } from '../../graph/types.ts';
import type { Attributes, Op } from '../vocabulary.ts';

/** Types of a node's outputs from the types of its inputs; throws `ShapeError` where they do not fit. */
export type ShapeRule<Name extends Op> = (
  inputs: readonly TensorType[],
  attributes: Attributes[Name],
  fail: (problem: string) => ShapeError,
) => readonly TensorType[];

export type ShapeRules<Names extends Op> = { readonly [Name in Names]: ShapeRule<Name> };

export const tensor = (shape: Shape): TensorType => ({ dataType: 'float32', shape });

/** The output looks like input `index`. */
export const like =
  (index: number) =>
  (inputs: readonly TensorType[]): readonly TensorType[] => [inputs[index]!];

/** numpy's broadcasting: shapes are aligned at their last axis, and an axis of 1 stretches. */
export function broadcast(left: Shape, right: Shape): Shape | undefined {
  const rank = Math.max(left.length, right.length);
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const a = left[axis - rank + left.length] ?? 1;
    const b = right[axis - rank + right.length] ?? 1;
    if (a !== b && a !== 1 && b !== 1) return undefined;
    result.push(Math.max(a, b));
  }
  return result;
}

/** A negative axis counts from the end. */
export function normalizeAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Where a slice begins and ends on an axis of this size: negative positions count from the end, others are clamped. */
export function sliceBounds(size: number, start: number, end: number): readonly [number, number] {
  const clamp = (position: number) => Math.min(Math.max(position < 0 ? position + size : position, 0), size);
  return [clamp(start), clamp(end)];
}

export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  const reduced = new Set(axes.map((axis) => normalizeAxis(axis, shape.length)));
  if (keepDims) return shape.map((size, axis) => (reduced.has(axis) ? 1 : size));
  return shape.filter((_, axis) => !reduced.has(axis));
}
