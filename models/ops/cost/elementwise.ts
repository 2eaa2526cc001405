import type { ActivationOp, ArithmeticOp, LossOp, NormalizationOp, ReductionOp, WithGradient } from '../vocabulary.ts';
import { type CostRules, moves, perInput, perOutput } from './rule.ts';

/** An exponential, error function or hyperbolic tangent costs about as much as ten additions. */
const transcendental = 10;

export const elementwiseCosts: CostRules<
  ArithmeticOp | ReductionOp | WithGradient<ActivationOp | NormalizationOp | LossOp>
> = {
  Relu: perOutput(1),
  Clip: perOutput(2),
  Sigmoid: perOutput(transcendental + 2),
  Tanh: perOutput(transcendental),
  Gelu: perOutput(transcendental + 4),
  HardSwish: perOutput(5),
  // maximum, difference, exponential, sum, quotient
  Softmax: perOutput(transcendental + 4),
  Dropout: perOutput(1),
  Add: perOutput(1),
  Sub: perOutput(1),
  Mul: perOutput(1),
  Div: perOutput(1),
  Neg: perOutput(1),
  Scale: perOutput(1),
  // mean 1, variance 3, scaling and shift 2
  BatchNormalization: perOutput(6),
  LayerNormalization: perOutput(6),
  // normalise 2, two sums 3, dx 4
  BatchNormalizationGradient: perOutput(9),
  // normalise 2, scale 1, two means 3, two sums 3, dx 4
  LayerNormalizationGradient: perOutput(13),
  ReluGradient: perOutput(1),
  ClipGradient: perOutput(3),
  SigmoidGradient: perOutput(3),
  TanhGradient: perOutput(3),
  GeluGradient: perOutput(2 * transcendental + 8),
  HardSwishGradient: perOutput(5),
  SoftmaxGradient: perOutput(4),
  ReduceMean: perInput(1),
  ReduceSum: perInput(1),
  Expand: moves,
  SoftmaxCrossEntropy: perInput(transcendental + 4),
  SoftmaxCrossEntropyGradient: perInput(transcendental + 6, 1),
  SquaredError: perInput(3),
};
