import { elementCount, type Shape } from '../../graph/types.ts';
import type { Convolution, ConvolutionOp, PoolingOp, ProductOp, Window, WithGradient } from '../vocabulary.ts';
import { type CostRules, perInput, perOutput } from './rule.ts';

/** Each element of y meets each weight of its group's filter once: 2·|y|·C/groups·|kernel|, forward or backward. */
const convolution = (y: Shape, channels: number, { groups, kernel }: Convolution) =>
  2 * elementCount(y) * (channels / groups) * elementCount(kernel);

const window = ({ kernel }: Window) => elementCount(kernel);

export const productCosts: CostRules<ConvolutionOp | ProductOp | WithGradient<PoolingOp>> = {
  Conv: ({ inputs: [x, , bias], outputs: [y], attributes }) =>
    convolution(y!, x![1]!, attributes) + (bias === undefined ? 0 : elementCount(y!)),
  ConvInputGradient: ({ inputs: [dy], attributes }) => convolution(dy!, attributes.inputShape[1]!, attributes),
  ConvWeightGradient: ({ inputs: [x, dy], attributes }) => convolution(dy!, x![1]!, attributes),
  Gemm: ({ inputs: [a, , c], outputs: [y], attributes: { transA } }) =>
    elementCount(y!) * (2 * (transA ? a![0]! : a![1]!) + (c === undefined ? 0 : 1)),
  MatMul: ({ inputs: [a], outputs: [y] }) => 2 * elementCount(y!) * a!.at(-1)!,
  MaxPool: ({ outputs: [y], attributes }) => elementCount(y!) * window(attributes),
  AveragePool: ({ outputs: [y], attributes }) => elementCount(y!) * (window(attributes) + 1),
  GlobalAveragePool: perInput(1),
  // the maxima are looked for again
  MaxPoolGradient: ({ inputs: [dy], attributes }) => elementCount(dy!) * (window(attributes) + 1),
  AveragePoolGradient: ({ inputs: [dy], attributes }) => elementCount(dy!) * (window(attributes) + 1),
  GlobalAveragePoolGradient: perOutput(1),
};
