import { elementCount, type RandomStream, type TensorType } from '../../../models/index.ts';
import type { Values } from './engine.ts';

/** An input of an operation under test: its type, how its values are drawn, and whether it takes a gradient. */
export interface Input {
  readonly type: TensorType;
  readonly differentiable: boolean;
  draw(random: RandomStream): Values;
}

type Draw = (random: RandomStream, index: number) => number;

function floats(shape: readonly number[], draw: Draw, differentiable = true): Input {
  return {
    type: { dataType: 'float32', shape },
    differentiable,
    draw: (random) => Float32Array.from({ length: elementCount(shape) }, (_, index) => draw(random, index)),
  };
}

const between = (random: RandomStream, low: number, high: number) => low + (high - low) * random.uniform();

/** Values of [-1, 1). */
export const uniform = (...shape: number[]) => floats(shape, (random) => between(random, -1, 1));

/** Values of [low, high). */
export const range = (low: number, high: number, ...shape: number[]) =>
  floats(shape, (random) => between(random, low, high));

/** Values of [0.7, 1.7): safe to divide by. */
export const positive = (...shape: number[]) => range(0.7, 1.7, ...shape);

/** How far from a kink, or from each other, values are drawn: more than twice the widest step of a derivative. */
const margin = 0.15;

/** Values of [low, high) that keep their distance from the points where the function has no derivative. */
export function awayFrom(kinks: readonly number[], low: number, high: number, ...shape: number[]): Input {
  return floats(shape, (random) => {
    for (;;) {
      const value = between(random, low, high);
      if (kinks.every((kink) => Math.abs(value - kink) > margin)) return value;
    }
  });
}

/** Within each plane [n, c] all values differ clearly, so that a small step leaves each maximum where it is. */
export function spaced(...shape: number[]): Input {
  const plane = elementCount(shape.slice(2));
  return {
    type: { dataType: 'float32', shape },
    differentiable: true,
    draw: (random) => {
      const planes = Array.from({ length: elementCount(shape) / plane }, () => [...random.permutation(plane)]);
      return Float32Array.from(planes.flat(), (rank) => (rank - plane / 2) * margin);
    },
  };
}

/** Values that take no gradient. */
export const fixed = (values: (index: number) => number, ...shape: number[]) =>
  floats(shape, (_, index) => values(index), false);

/** Integers (labels, positions); they take no gradient. */
export const integers = (values: readonly number[], ...shape: number[]): Input => ({
  type: { dataType: 'int64', shape: shape.length > 0 ? shape : [values.length] },
  differentiable: false,
  draw: () => BigInt64Array.from(values, BigInt),
});
