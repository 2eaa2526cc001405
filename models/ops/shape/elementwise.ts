import type { TensorType } from '../../graph/types.ts';
import type { ActivationOp, ArithmeticOp, NormalizationOp, WithGradient } from '../vocabulary.ts';
import { broadcast, like, normalizeAxis, type ShapeRules, tensor } from './rule.ts';

function broadcastPair(
  [left, right]: readonly TensorType[],
  _: unknown,
  fail: (problem: string) => Error,
): readonly TensorType[] {
  const shape = broadcast(left!.shape, right!.shape);
  if (shape === undefined) {
    throw fail(`shapes [${left!.shape.join(', ')}] and [${right!.shape.join(', ')}] do not broadcast together`);
  }
  return [tensor(shape)];
}

const normalizationGradient = ([, x, scale]: readonly TensorType[]) => [x!, scale!, scale!];

export const elementwiseShapes: ShapeRules<ArithmeticOp | WithGradient<ActivationOp | NormalizationOp>> = {
  Relu: like(0),
  Clip: like(0),
  Sigmoid: like(0),
  Tanh: like(0),
  Gelu: like(0),
  HardSwish: like(0),
  Softmax: like(0),
  Dropout: like(0),
  Add: broadcastPair,
  Sub: broadcastPair,
  Mul: broadcastPair,
  Div: broadcastPair,
  BatchNormalization: ([x, scale], _, fail) => {
    const channels = x!.shape[1]!;
    if (scale!.shape[0] !== channels) {
      throw fail(`a scale of ${scale!.shape[0]} values does not fit ${channels} channels`);
    }
    const perChannel = tensor([channels]);
    return [x!, perChannel, perChannel, perChannel, perChannel];
  },
  LayerNormalization: ([x], { axis }) => {
    const first = normalizeAxis(axis, x!.shape.length);
    const statistics = tensor(x!.shape.map((size, index) => (index < first ? size : 1)));
    return [x!, statistics, statistics];
  },
  BatchNormalizationGradient: normalizationGradient,
  LayerNormalizationGradient: normalizationGradient,
  ReluGradient: like(0),
  ClipGradient: like(0),
  SigmoidGradient: like(0),
  TanhGradient: like(0),
  GeluGradient: like(0),
  HardSwishGradient: like(0),
  SoftmaxGradient: like(0),
  Neg: like(0),
  Scale: like(0),
};
