import { type CostRules, moves, perInput } from './rule.ts';

type LayoutOp =
  | 'Reshape'
  | 'Flatten'
  | 'Transpose'
  | 'Concat'
  | 'Slice'
  | 'SliceGradient'
  | 'Pad'
  | 'Gather'
  | 'GatherGradient';

export const layoutCosts: CostRules<LayoutOp> = {
  Reshape: moves,
  Flatten: moves,
  Transpose: moves,
  Concat: moves,
  Slice: moves,
  SliceGradient: moves,
  Pad: moves,
  Gather: moves,
  // every row is added to the one it was read from
  GatherGradient: perInput(1),
};
