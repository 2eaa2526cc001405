import type { Emitter } from '../../emitter.ts';
import type { Formulation } from '../../formulation.ts';
import { transpose } from '../../layout.ts';
import { convolveColumns, type SideBySide } from './columns.ts';
import { kernelLayout } from './kernels.ts';
import { canCorrelate, putKernel, weightGradient } from './swapped-roles.ts';

/** Convolutions of fewer input channels than a block (a model's first): the input is laid out as [C, H, W, N]. */

const isThin = (weightShape: readonly number[], groups: number, emitter: Emitter) =>
  kernelLayout(weightShape, groups, emitter.capabilities.channelBlock) === 'thinKernel';

/** [N, C, H, W] → [C, H, W, N], a group a channel. */
function samplesInside(emitter: Emitter, x: string): SideBySide {
  const plain = emitter.read(x);
  const name = emitter.once(`${plain}/samplesInside`, () => transpose(emitter, plain, [1, 2, 3, 0]));
  const [batch, groups, height, width] = emitter.shapeOf(x) as [number, number, number, number];
  return { name, groups, inner: 1, height, width, batch };
}

export const thinConvolution: Formulation<'Conv'> = {
  name: 'columns, few channels',
  applies: ({ inputs, attributes }, emitter) => isThin(emitter.shapeOf(inputs[1]!), attributes.groups, emitter),
  emit: (node, emitter) => convolveColumns(emitter, node, samplesInside(emitter, node.inputs[0]!), 'thinKernel'),
};

/** dW by a convolution with swapped roles (see `weightGradient`), one group a channel. */
export const thinWeightGradient: Formulation<'ConvWeightGradient'> = {
  name: 'swapped roles, few channels',
  applies: ({ inputs, attributes }, emitter) =>
    isThin(attributes.weightShape, attributes.groups, emitter) &&
    canCorrelate(attributes, emitter.shapeOf(inputs[0]!)[2]!, emitter.shapeOf(inputs[1]!)[2]!),
  emit: (node, emitter) => {
    const x = samplesInside(emitter, node.inputs[0]!);
    putKernel(emitter, node, weightGradient(emitter, node, x), x, 'thinKernel');
  },
};
