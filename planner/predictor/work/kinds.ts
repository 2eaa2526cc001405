/**
 * The kinds of effort that a computation consists of. A computation asks for an amount of each (floating-point
 * operations, bytes or counts, as the name's last word says), and a board takes a time for a unit of each. Convolutions
 * are told apart by formulation, since each is another kernel of the engine; `d…` are gradients.
 */
export const kinds = [
  'dense flops',
  'dense dX flops',
  'dense dW flops',
  'pointwise flops',
  'pointwise dX flops',
  'pointwise dW flops',
  'depthwise flops',
  'depthwise dX flops',
  'depthwise dW flops',
  'thin flops',
  'thin dX flops',
  'thin dW flops',
  'strided dX flops',
  'plain flops',
  'plain dX flops',
  'plain dW flops',
  'plain depthwise flops',
  'plain depthwise dX flops',
  'plain depthwise dW flops',
  'columns bytes',
  'convolution bytes',
  'convolution weight bytes',
  'turned weight bytes',
  'weight gradient bytes',
  'plain weight bytes',
  'plain depthwise maps',
  'product flops',
  'product weight bytes',
  'activation bytes',
  'fused activation bytes',
  'activation gradient bytes',
  'normalization bytes',
  'normalization gradient bytes',
  'plain normalization bytes',
  'plain normalization gradient bytes',
  'pool bytes',
  'pool gradient bytes',
  'elementwise bytes',
  'border bytes',
  'output bytes',
  'accumulation bytes',
  'update bytes',
  'update runs',
  'nodes',
  'tensors',
  'calls',
] as const;

export type Kind = (typeof kinds)[number];

/** An amount of each kind, in the order of `kinds`. */
export type Amounts = Float64Array;

const positions = new Map<Kind, number>(kinds.map((kind, index) => [kind, index]));

export function positionOf(kind: Kind): number {
  return positions.get(kind)!;
}

export function noAmounts(): Amounts {
  return new Float64Array(kinds.length);
}

/**
 * Kinds that a board is fast or slow at together. What a board is like is learned by family: there are too few
 * observations of a new board to tell every kind apart.
 */
export const families = {
  dense: ['dense flops', 'dense dX flops', 'strided dX flops', 'thin flops', 'thin dX flops'],
  weightGradient: ['dense dW flops', 'thin dW flops', 'pointwise dW flops'],
  pointwise: ['pointwise flops', 'pointwise dX flops'],
  depthwise: ['depthwise flops', 'depthwise dX flops', 'depthwise dW flops'],
  plain: ['plain flops', 'plain dX flops', 'plain dW flops', 'plain weight bytes'],
  plainDepthwise: [
    'plain depthwise flops',
    'plain depthwise dX flops',
    'plain depthwise dW flops',
    'plain depthwise maps',
  ],
  product: ['product flops'],
  weights: [
    'product weight bytes',
    'convolution weight bytes',
    'turned weight bytes',
    'weight gradient bytes',
    'accumulation bytes',
  ],
  memory: [
    'columns bytes',
    'convolution bytes',
    'activation bytes',
    'fused activation bytes',
    'activation gradient bytes',
    'elementwise bytes',
  ],
  normalization: [
    'normalization bytes',
    'normalization gradient bytes',
    'plain normalization bytes',
    'plain normalization gradient bytes',
  ],
  pool: ['pool bytes', 'pool gradient bytes'],
  border: ['border bytes', 'output bytes'],
  update: ['update bytes', 'update runs'],
  overhead: ['nodes', 'tensors', 'calls'],
} as const satisfies Readonly<Record<string, readonly Kind[]>>;

export type Family = keyof typeof families;
export const familyNames = Object.keys(families) as readonly Family[];

/** For each kind, in their order, the place of its family among `familyNames`. */
export const familyOfKind: readonly number[] = kinds.map((kind) =>
  familyNames.findIndex((name) => (families[name] as readonly Kind[]).includes(kind)),
);

type Covered = (typeof families)[Family][number];
// Every kind has a family.
null as unknown as Kind satisfies Covered;
