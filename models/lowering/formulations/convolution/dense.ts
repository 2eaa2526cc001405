import { blockedNode, mapOf, wide } from '../../blocked.ts';
import { type Emitter, ints } from '../../emitter.ts';
import type { Formulation } from '../../formulation.ts';
import { convolveColumns, padColumns, type SideBySide } from './columns.ts';
import { kernelLayout, range, swappedKernel } from './kernels.ts';
import { isPointwise, visitedPlaces } from './skipping.ts';
import { canCorrelate, putKernel, weightGradient } from './swapped-roles.ts';

/** Convolutions of at least a block of channels on both sides, over blocked maps. */

const isDense = (weightShape: readonly number[], groups: number, emitter: Emitter) =>
  kernelLayout(weightShape, groups, emitter.capabilities.channelBlock) === 'blockedKernel';

/** A blocked map: its samples lie beside each other, a group a block of channels. */
function blockedSamples(emitter: Emitter, x: string): SideBySide {
  const { blocks: groups, block, height, width, batch } = mapOf(emitter, x);
  return { name: emitter.read(x, 'blocked'), groups, inner: block as 8 | 16, height, width, batch };
}

export const denseConvolution: Formulation<'Conv'> = {
  name: 'columns',
  applies: ({ inputs, attributes }, emitter) => isDense(emitter.shapeOf(inputs[1]!), attributes.groups, emitter),
  emit: (node, emitter) => convolveColumns(emitter, node, blockedSamples(emitter, node.inputs[0]!), 'blockedKernel'),
};

/** dX = turned and swapped W ∗ dY, at stride 1. */
export const denseInputGradient: Formulation<'ConvInputGradient'> = {
  name: 'turned kernel',
  applies: ({ inputs, attributes: { groups, kernel, strides, dilations, pads } }, emitter) =>
    isDense(emitter.shapeOf(inputs[1]!), groups, emitter) &&
    strides.every((stride) => stride === 1) &&
    pads.every((pad, index) => pad <= (kernel[index % 2]! - 1) * dilations[index % 2]!),
  emit: ({ inputs, outputs, attributes }, emitter) => {
    const { kernel, dilations } = attributes;
    const { channels, blocks, height, width, column, batch } = mapOf(emitter, inputs[0]!);
    const pads = attributes.pads.map((pad, index) => (kernel[index % 2]! - 1) * dilations[index % 2]! - pad);
    const dy = emitter.read(inputs[0]!, 'blocked');
    const padded = padColumns(emitter, dy, blocks * height, width * column, [pads[1]! * column, pads[3]! * column]);
    const backwards = range(kernel[0]! * kernel[1]!).toReversed();
    const shape = [1, channels, height, (pads[1]! + width + pads[3]!) * batch];
    blockedNode(
      emitter,
      'Conv',
      [emitter.view(padded, shape), swappedKernel(emitter, inputs[1]!, backwards, kernel)],
      {
        kernel_shape: ints(...kernel),
        dilations: ints(dilations[0]!, dilations[1]! * batch),
        pads: ints(pads[0]!, 0, pads[2]!, 0),
      },
      [emitter.write(outputs[0]!, 'blocked')],
    );
  },
};

/** dW by a convolution with swapped roles (see `weightGradient`). */
export const denseWeightGradient: Formulation<'ConvWeightGradient'> = {
  name: 'swapped roles',
  applies: ({ inputs, attributes }, emitter) =>
    isDense(attributes.weightShape, attributes.groups, emitter) &&
    canCorrelate(attributes, emitter.shapeOf(inputs[0]!)[2]!, emitter.shapeOf(inputs[1]!)[2]!),
  emit: (node, emitter) => {
    const x = blockedSamples(emitter, node.inputs[0]!);
    putKernel(emitter, node, weightGradient(emitter, node, x), x, 'blockedKernel');
  },
};

/** dW[o, c] = Σ dY[o, p]·X[c, p] of a 1×1 kernel: all places of all samples are input channels of a convolution. */
export const pointwiseWeightGradient: Formulation<'ConvWeightGradient'> = {
  name: 'pointwise',
  applies: ({ inputs, attributes }, emitter) =>
    isDense(attributes.weightShape, attributes.groups, emitter) &&
    isPointwise(attributes) &&
    places(emitter, inputs[1]!) % emitter.capabilities.channelBlock === 0,
  emit: (node, emitter) => {
    const { blocks, block } = mapOf(emitter, node.inputs[0]!);
    const outputs = mapOf(emitter, node.inputs[1]!);
    const count = places(emitter, node.inputs[1]!);
    const visited = visitedPlaces(emitter, node.inputs[0]!, node.attributes.strides);
    const x = emitter.view(visited, [blocks, count, 1, block]);
    const inside = blockedNode(emitter, 'ReorderInput', [x]);
    const dy = emitter.view(emitter.read(node.inputs[1]!, 'blocked'), [outputs.channels, count, 1, 1]);
    const operands = [emitter.view(inside, [blocks, count, 1, block]), dy];
    const gradient = blockedNode(emitter, 'Conv', operands, { kernel_shape: ints(1, 1) });
    putKernel(emitter, node, gradient, { groups: blocks, inner: block as 8 | 16 }, 'blockedKernel');
  },
};

function places(emitter: Emitter, value: string): number {
  const { batch, height, width } = mapOf(emitter, value);
  return batch * height * width;
}

/**
 * dX of a 3×3 kernel at stride 2: even and odd rows and columns of dX are read from different positions of the kernel,
 * even ones from the middle one, odd ones from the last (of the output at the same index) and the first (of the next).
 * So four small convolutions of dY, interleaved.
 */
export const parityInputGradient: Formulation<'ConvInputGradient'> = {
  name: 'even and odd apart',
  applies: ({ inputs, outputs, attributes: { groups, kernel, strides, dilations, pads } }, emitter) =>
    isDense(emitter.shapeOf(inputs[1]!), groups, emitter) &&
    kernel.every((size) => size === 3) &&
    strides.every((stride) => stride === 2) &&
    [...dilations, ...pads].every((value) => value === 1) &&
    emitter.shapeOf(outputs[0]!).every((size, axis) => axis < 2 || size % 2 === 0),
  emit: ({ inputs, outputs }, emitter) => {
    const map = mapOf(emitter, inputs[0]!);
    const { channels, blocks, height, width, column, batch } = map;
    const x = mapOf(emitter, outputs[0]!);
    const dy = emitter.read(inputs[0]!, 'blocked');
    const nextColumn = padColumns(emitter, dy, blocks * height, width * column, [0, column]);
    const part = (positions: readonly number[], kernel: readonly [number, number]) => {
      const image =
        kernel[1] === 1
          ? emitter.view(dy, wide(map))
          : emitter.view(nextColumn, [1, channels, height, (width + 1) * batch]);
      const name = blockedNode(emitter, 'Conv', [image, swappedKernel(emitter, inputs[1]!, positions, kernel)], {
        kernel_shape: ints(...kernel),
        dilations: ints(1, batch),
        pads: ints(0, 0, kernel[0] - 1, 0),
      });
      return emitter.view(name, [x.blocks * height, 1, width, 1, column]);
    };
    const interleave = (parts: readonly string[], axis: number) =>
      emitter.node('Concat', parts, { attributes: { axis: { kind: 'int', value: axis } } });
    const even = interleave([part([4], [1, 1]), part([5, 3], [1, 2])], 3);
    const odd = interleave([part([7, 1], [2, 1]), part([8, 6, 2, 0], [2, 2])], 3);
    const dx = interleave([even, odd], 1);
    emitter.alias(outputs[0]!, 'blocked', emitter.view(dx, wide(x)));
  },
};
