import type { LayoutOp, WithGradient } from '../vocabulary.ts';
import { type CostRules, moves, perInput } from './rule.ts';

export const layoutCosts: CostRules<WithGradient<LayoutOp>> = {
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
