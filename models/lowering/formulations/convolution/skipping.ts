import { elementCount } from '../../../graph/types.ts';
import type { Convolution } from '../../../ops/vocabulary.ts';
import { blockedNode, mapOf, wide, withFollower } from '../../blocked.ts';
import { type Emitter, ints } from '../../emitter.ts';
import type { Formulation } from '../../formulation.ts';
import { kernelLayout, readKernel, swappedKernel } from './kernels.ts';

/** Is this a convolution of single places, each by itself (some skipped where there is a stride)? */
export function isPointwise({ kernel, pads }: Convolution): boolean {
  return elementCount(kernel) === 1 && pads.every((pad) => pad === 0);
}

/** The places of a blocked map that a 1×1 kernel with this stride reads. */
export function visitedPlaces(emitter: Emitter, value: string, strides: readonly number[]): string {
  const x = emitter.read(value, 'blocked');
  const [down, across] = strides as [number, number];
  if (down === 1 && across === 1) return x;
  const { blocks, height, width, column } = mapOf(emitter, value);
  return emitter.once(`${x}/visited/${down}/${across}`, () => {
    const [starts, ends, axes, steps] = [
      [0, 0],
      [height, width],
      [1, 2],
      [down, across],
    ].map((values) => emitter.integers(values));
    return emitter.node('Slice', [emitter.view(x, [blocks, height, width, column]), starts!, ends!, axes!, steps!]);
  });
}

/** Y = W·X at each place that is read. */
export const pointwiseConvolution: Formulation<'Conv'> = {
  name: 'pointwise',
  applies: ({ inputs, attributes }, emitter) =>
    kernelLayout(emitter.shapeOf(inputs[1]!), attributes.groups, emitter.capabilities.channelBlock) ===
      'blockedKernel' && isPointwise(attributes),
  emit: (node, emitter) => {
    const [x, weight, bias] = node.inputs as [string, string, string | undefined];
    const { batch, height, width } = mapOf(emitter, node.outputs[0]!);
    const { channels } = mapOf(emitter, x);
    const image = emitter.view(visitedPlaces(emitter, x, node.attributes.strides), [
      1,
      channels,
      height,
      width * batch,
    ]);
    const operands = [image, readKernel(emitter, weight, 'blockedKernel')];
    if (bias !== undefined) operands.push(emitter.read(bias, 'blocked'));
    const { attributes, outputs } = withFollower(emitter, node);
    blockedNode(emitter, 'Conv', operands, { kernel_shape: ints(1, 1), ...attributes }, outputs);
  },
};

/** dX of a 1×1 kernel with a stride: Wᵀ·dY, and zeros at the places that were skipped. */
export const skippingInputGradient: Formulation<'ConvInputGradient'> = {
  name: 'pointwise, skipping places',
  applies: ({ inputs, attributes: { groups, kernel, strides, pads, inputShape } }, emitter) =>
    kernelLayout(emitter.shapeOf(inputs[1]!), groups, emitter.capabilities.channelBlock) === 'blockedKernel' &&
    kernel.every((size) => size === 1) &&
    pads.every((pad) => pad === 0) &&
    inputShape[2]! % strides[0]! === 0 &&
    inputShape[3]! % strides[1]! === 0,
  emit: ({ inputs, outputs, attributes: { strides } }, emitter) => {
    const dy = mapOf(emitter, inputs[0]!);
    const x = mapOf(emitter, outputs[0]!);
    const image = emitter.view(emitter.read(inputs[0]!, 'blocked'), wide(dy));
    const product = blockedNode(emitter, 'Conv', [image, swappedKernel(emitter, inputs[1]!, [0], [1, 1])], {
      kernel_shape: ints(1, 1),
    });
    const apart = emitter.view(product, [x.blocks * dy.height, 1, dy.width, 1, x.column]);
    const ends = [0, 0, 0, 0, 0, 0, strides[0]! - 1, 0, strides[1]! - 1, 0];
    const spread = emitter.node('Pad', [apart, emitter.integers(ends)]);
    emitter.alias(outputs[0]!, 'blocked', emitter.view(spread, wide(x)));
  },
};
