import { mean, median } from '../statistics.ts';

/** Logarithms of the times of one work, one a round. */
type Rounds = readonly number[];

/** How much slower each round was than the round in the middle, for a work of this time (both logarithms). */
export type RoundPaces = (log: number) => readonly number[];

/**
 * The host's speed differs from round to round, and what slows short works by a third slows long ones less or more (they
 * wait for memory). So a round's pace is a line over the logarithm of the time: Tukey's resistant line (1977) through
 * the works of all sizes, each of them against its own median over the rounds.
 */
export function roundPaces(works: readonly Rounds[]): RoundPaces {
  const count = Math.max(...works.map((rounds) => rounds.length));
  const complete = works
    .filter((rounds) => rounds.length === count)
    .map((rounds) => ({ rounds, middle: median(rounds) }))
    .sort((a, b) => a.middle - b.middle);
  const lines = Array.from({ length: count }, (_, round) =>
    resistantLine(complete.map(({ rounds, middle }) => ({ x: middle, y: rounds[round]! - middle }))),
  );
  return (log) => {
    const paces = lines.map((line) => line(log));
    const usual = mean(paces);
    return paces.map((pace) => pace - usual);
  };
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** With fewer points a slope would be noise. */
const leastForSlope = 30;

/** Through the medians of the first and the last third of points that are sorted by x. */
function resistantLine(points: readonly Point[]): (x: number) => number {
  const third = Math.floor(points.length / 3);
  const [low, high] = [points.slice(0, third), points.slice(points.length - third)];
  const across = points.length < leastForSlope ? 0 : middleOf(high, 'x') - middleOf(low, 'x');
  const slope = across === 0 ? 0 : (middleOf(high, 'y') - middleOf(low, 'y')) / across;
  const level = median(points.map(({ x, y }) => y - slope * x));
  return (x) => level + slope * x;
}

const middleOf = (points: readonly Point[], of: keyof Point) => median(points.map((point) => point[of]));
