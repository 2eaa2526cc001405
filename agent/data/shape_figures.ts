/**
 * The ten figures of the generated data set `shapes`, as signed distances: negative inside, positive outside, in units
 * of the figure's radius. Only +, -, *, / and square roots, so that every machine draws the same.
 */

/** Signed distance at (x, y) of a figure of radius 1 around the origin. */
export type Figure = (x: number, y: number) => number;

type Point = readonly [x: number, y: number];

/** Directions of a regular pentagon, the first upwards (y points down, as in images). */
const PENTAGON: readonly Point[] = [
  [0, -1],
  [0.9510565163, -0.3090169944],
  [0.5877852523, 0.8090169944],
  [-0.5877852523, 0.8090169944],
  [-0.9510565163, -0.3090169944],
];
const STAR_INNER_RADIUS = 0.42;

/** Outer points of the star and, opposite the next but two, its inner points. */
const STAR = PENTAGON.flatMap((outer, i): Point[] => {
  const [x, y] = PENTAGON[(i + 3) % PENTAGON.length]!;
  return [outer, [-x * STAR_INNER_RADIUS, -y * STAR_INNER_RADIUS]];
});

const SQUARE: readonly Point[] = [
  [-0.8, -0.8],
  [0.8, -0.8],
  [0.8, 0.8],
  [-0.8, 0.8],
];

const TRIANGLE: readonly Point[] = [
  [0, -1],
  [0.8660254038, 0.5],
  [-0.8660254038, 0.5],
];

const ARM = 0.3; // half the width of an arm of the cross
const CROSS: readonly Point[] = [
  [-ARM, -1],
  [ARM, -1],
  [ARM, -ARM],
  [1, -ARM],
  [1, ARM],
  [ARM, ARM],
  [ARM, 1],
  [-ARM, 1],
  [-ARM, ARM],
  [-1, ARM],
  [-1, -ARM],
  [-ARM, -ARM],
];

/** Distance to the nearest edge, negative where a ray to the right crosses the outline an odd number of times. */
function polygon(points: readonly Point[]): Figure {
  const edges = points.map(([fromX, fromY], i) => {
    const [toX, toY] = points[(i + 1) % points.length]!;
    const [alongX, alongY] = [toX - fromX, toY - fromY];
    return { fromX, fromY, toY, alongX, alongY, squaredLength: alongX * alongX + alongY * alongY };
  });
  return (x, y) => {
    let nearest = Number.POSITIVE_INFINITY;
    let inside = false;
    for (const { fromX, fromY, toY, alongX, alongY, squaredLength } of edges) {
      const dx = x - fromX;
      const dy = y - fromY;
      const t = Math.min(1, Math.max(0, (dx * alongX + dy * alongY) / squaredLength));
      const offX = dx - t * alongX;
      const offY = dy - t * alongY;
      nearest = Math.min(nearest, offX * offX + offY * offY);
      if (fromY > y !== toY > y && dx < (dy * alongX) / alongY) inside = !inside;
    }
    return inside ? -Math.sqrt(nearest) : Math.sqrt(nearest);
  };
}

/** Distance to the middle of the nearest stripe of a pattern with period 1, less a quarter: half is inside. */
function stripe(position: number): number {
  const phase = position - Math.floor(position);
  return Math.abs(phase - 0.5) - 0.25;
}

const PERIODS = 1.8; // stripes per radius
const PATCH = 0.95;

/** A texture on a square patch: outside the patch there is nothing of it. */
function onPatch(texture: Figure): Figure {
  return (x, y) => Math.max(texture(x, y), Math.max(Math.abs(x), Math.abs(y)) - PATCH);
}

/** Distance in stripes becomes distance in radii. */
const alongStripes = (position: number) => stripe(position * PERIODS) / PERIODS;

const DIAGONAL = Math.SQRT1_2;

/** Each class with its figure and how far it may be turned, as the tangent of the largest angle (1 = 45°). */
export const FIGURES = [
  { name: 'circle', turn: 1, distance: (x, y) => Math.sqrt(x * x + y * y) - 0.9 },
  { name: 'square', turn: 1, distance: polygon(SQUARE) },
  { name: 'triangle', turn: 1, distance: polygon(TRIANGLE) },
  { name: 'cross', turn: 1, distance: polygon(CROSS) },
  { name: 'ring', turn: 1, distance: (x, y) => Math.abs(Math.sqrt(x * x + y * y) - 0.72) - 0.2 },
  { name: 'star', turn: 1, distance: polygon(STAR) },
  { name: 'horizontal stripes', turn: 0.2, distance: onPatch((_, y) => alongStripes(y)) },
  { name: 'vertical stripes', turn: 0.2, distance: onPatch((x) => alongStripes(x)) },
  { name: 'diagonal stripes', turn: 0.2, distance: onPatch((x, y) => alongStripes((x + y) * DIAGONAL)) },
  {
    name: 'checker',
    turn: 0.2,
    // the product of two stripe patterns: inside where both or neither are
    distance: onPatch((x, y) => {
      const [across, down] = [alongStripes(x / 1.3), alongStripes(y / 1.3)];
      return Math.max(Math.min(across, down), -Math.max(across, down));
    }),
  },
] as const satisfies readonly { name: string; turn: number; distance: Figure }[];
