import { mean } from '../../statistics.ts';
import { shapeOf } from '../work/shape.ts';
import type { Work } from '../work/work.ts';
import { shrunkenMean, type Weighed } from './shrinking.ts';

/**
 * What computations of one shape take beyond what their amounts say, in logarithms, on any board: a random effect of the
 * shape, and one of the shape at a micro-batch. A shape that no board was seen to compute has none.
 */
export interface ShapeEffects {
  /** By `shapeOf`. */
  readonly shapes: ReadonlyMap<string, number>;
  /** By `shapeOf` and micro-batch. */
  readonly sized: ReadonlyMap<string, number>;
  /** Of the effect of a shape that is not known. */
  readonly variance: number;
}

const sizedShapeOf = (work: Work) => `${shapeOf(work)} of ${work.microBatch}`;

export function effectOf({ shapes, sized }: ShapeEffects, work: Work): number {
  return (shapes.get(shapeOf(work)) ?? 0) + (sized.get(sizedShapeOf(work)) ?? 0);
}

export const isKnownShape = ({ shapes }: ShapeEffects, work: Work) => shapes.has(shapeOf(work));

/** What is left of a work's time on the boards that it was seen on. */
export interface Rest extends Weighed {
  readonly work: Work;
}

/** Means that are drawn towards zero: first of the shape over its micro-batches, then of what is left at each. */
export function fitShapeEffects(rests: readonly Rest[]): ShapeEffects {
  const shapes = shrunkenMeans(rests, shapeOf);
  const left = rests.map((rest) => ({ ...rest, log: rest.log - shapes.get(shapeOf(rest.work))! }));
  const sized = shrunkenMeans(left, sizedShapeOf);
  const effects = rests.map(({ work }) => effectOf({ shapes, sized, variance: 0 }, work));
  return { shapes, sized, variance: mean(effects.map((effect) => effect ** 2)) };
}

function shrunkenMeans(rests: readonly Rest[], nameOf: (work: Work) => string): ReadonlyMap<string, number> {
  const groups = Map.groupBy(rests, ({ work }) => nameOf(work));
  return new Map([...groups].map(([name, all]) => [name, shrunkenMean(all)]));
}
