import type { Shape } from '../../graph/types.ts';
import type { Convolution, ConvolutionOp, PoolingOp, Window, WithGradient } from '../vocabulary.ts';
import { like, type ShapeRules, tensor } from './rule.ts';

/** Spatial sizes after sliding a window (floor rounding, as ONNX and PyTorch by default). */
export function slidSizes(spatial: Shape, window: Window & Partial<Convolution>): number[] {
  return spatial.map((size, axis) => {
    const span = (window.kernel[axis]! - 1) * (window.dilations?.[axis] ?? 1) + 1;
    const padded = size + window.pads[axis]! + window.pads[axis + spatial.length]!;
    return Math.floor((padded - span) / window.strides[axis]!) + 1;
  });
}

function poolShape(input: Shape, window: Window & Partial<Convolution>, fail: (problem: string) => Error): Shape {
  const spatial = input.slice(2);
  if (spatial.length !== window.kernel.length) {
    throw fail(`a kernel of ${window.kernel.length} axes cannot slide over an input of shape [${input.join(', ')}]`);
  }
  const sizes = slidSizes(spatial, window);
  if (sizes.some((size) => size < 1)) {
    throw fail(`the kernel [${window.kernel.join(', ')}] is larger than the padded input [${spatial.join(', ')}]`);
  }
  return [input[0]!, input[1]!, ...sizes];
}

export const windowShapes: ShapeRules<ConvolutionOp | WithGradient<PoolingOp>> = {
  Conv: ([x, w, bias], attributes, fail) => {
    const channels = x!.shape[1]!;
    const [outputs, channelsPerGroup] = w!.shape;
    if (channels !== channelsPerGroup! * attributes.groups || outputs! % attributes.groups !== 0) {
      throw fail(
        `weights of shape [${w!.shape.join(', ')}] in ${attributes.groups} groups do not fit ${channels} channels`,
      );
    }
    if (bias !== undefined && bias.shape[0] !== outputs) {
      throw fail(`a bias of ${bias.shape[0]} values does not fit ${outputs} output channels`);
    }
    const [batch, , ...spatial] = poolShape(x!.shape, attributes, fail);
    return [tensor([batch!, outputs!, ...spatial])];
  },
  MaxPool: ([x], attributes, fail) => [tensor(poolShape(x!.shape, attributes, fail))],
  AveragePool: ([x], attributes, fail) => [tensor(poolShape(x!.shape, attributes, fail))],
  GlobalAveragePool: ([x]) => [tensor(x!.shape.map((size, axis) => (axis < 2 ? size : 1)))],
  ConvInputGradient: (_, attributes) => [tensor(attributes.inputShape)],
  ConvWeightGradient: (_, attributes) => [tensor(attributes.weightShape)],
  MaxPoolGradient: like(1),
  AveragePoolGradient: (_, attributes) => [tensor(attributes.inputShape)],
  GlobalAveragePoolGradient: (_, attributes) => [tensor(attributes.inputShape)],
};
