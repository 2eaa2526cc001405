import { mean } from '../../statistics.ts';
import { computationOf } from '../work/shape.ts';
import type { Work } from '../work/work.ts';

/**
 * How boards differ beyond what families of effort tell: patterns over computations, such as what a second thread is worth
 * to each. A work's features are its places in the patterns, a board's weights how much of each it shows (a factor
 * model). A computation that no board was seen to do has none.
 */
export type Patterns = ReadonlyMap<string, Pattern>;
export type Pattern = readonly [number, number];

export const noPatterns: Patterns = new Map();
const none: Pattern = [0, 0];

export const patternOf = (patterns: Patterns, work: Work) => patterns.get(computationOf(work)) ?? none;

/** What is left of a work's time on one board, in logarithms. */
export interface BoardRest {
  readonly work: Work;
  readonly board: number;
  readonly log: number;
}

const sweeps = 30;
/** Variance of what is left ÷ variance of a place in a pattern: boards' worth of doubt. */
const doubt = 5;

/**
 * Places p and weights z with the least Σ (left − p·z)² + doubt·Σ p² + Σ z², by alternating least squares; the weights of
 * the boards have a mean square of one.
 */
export function fitPatterns(rests: readonly BoardRest[], boards: number): Patterns {
  const groups = [...Map.groupBy(rests, ({ work }) => computationOf(work))].map(([name, all]) => ({
    name,
    means: Array.from({ length: boards }, (_, board) => meanOf(all.filter((rest) => rest.board === board))),
  }));
  let weights = Array.from({ length: boards }, (_, board) => [Math.sin(1 + board), Math.cos(2 + 2 * board)] as Pattern);
  let places: readonly Pattern[] = [];
  for (let sweep = 0; sweep < sweeps; sweep++) {
    weights = scaled(weights);
    places = groups.map(({ means }) => solve(pairs(means, weights), doubt));
    weights = weights.map((_, board) =>
      solve(
        pairs(
          groups.map(({ means }) => means[board]),
          places,
        ),
        0.01,
      ),
    );
  }
  return new Map(groups.map(({ name }, index) => [name, places[index]!]));
}

function meanOf(rests: readonly BoardRest[]): number | undefined {
  return rests.length === 0 ? undefined : mean(rests.map(({ log }) => log));
}

/** Those that were measured, with what they are multiplied by. */
function pairs(values: readonly (number | undefined)[], factors: readonly Pattern[]) {
  return values.flatMap((value, index) => (value === undefined ? [] : [{ value, factors: factors[index]! }]));
}

/** The two numbers x with the least Σ (value − factors·x)² + ridge·|x|². */
function solve(known: readonly { readonly value: number; readonly factors: Pattern }[], ridge: number): Pattern {
  let [aa, ab, bb, a, b] = [ridge, 0, ridge, 0, 0];
  for (const { value, factors } of known) {
    const [first, second] = factors;
    aa += first * first;
    ab += first * second;
    bb += second * second;
    a += first * value;
    b += second * value;
  }
  const determinant = aa * bb - ab * ab;
  return [(bb * a - ab * b) / determinant, (aa * b - ab * a) / determinant];
}

function scaled(weights: readonly Pattern[]): Pattern[] {
  const size = (index: 0 | 1) => Math.sqrt(mean(weights.map((weight) => weight[index] ** 2))) || 1;
  const [first, second] = [size(0), size(1)];
  return weights.map((weight) => [weight[0] / first, weight[1] / second]);
}
