import { blockedNode, mapOf, withFollower } from '../../blocked.ts';
import { type Emitter, ints } from '../../emitter.ts';
import type { Formulation } from '../../formulation.ts';
import { transpose } from '../../layout.ts';
import { canCorrelate, columnsOf, weightGradient } from './columns.ts';
import { kernelLayout, readKernel } from './kernels.ts';

/** Convolutions of fewer input channels than a block (a model's first): the input is laid out as [C, H, W, N]. */

const isThin = (weightShape: readonly number[], groups: number, emitter: Emitter) =>
  kernelLayout(weightShape, groups, emitter.capabilities.channelBlock) === 'thinKernel';

/** [N, C, H, W] → [C, H, W, N] */
function samplesInside(emitter: Emitter, x: string): string {
  const plain = emitter.read(x);
  return emitter.once(`${plain}/samplesInside`, () => transpose(emitter, plain, [1, 2, 3, 0]));
}

export const thinConvolution: Formulation<'Conv'> = {
  name: 'columns, few channels',
  applies: ({ inputs, attributes }, emitter) => isThin(emitter.shapeOf(inputs[1]!), attributes.groups, emitter),
  emit: (node, emitter) => {
    const { inputs, outputs, attributes } = node;
    const [x, weight, bias] = inputs as [string, string, string | undefined];
    const [batch, channels, height, width] = emitter.shapeOf(x) as [number, number, number, number];
    const { width: outputWidth } = mapOf(emitter, outputs[0]!);
    const source = { rows: channels * height, width, column: batch };
    const columns = columnsOf(emitter, samplesInside(emitter, x), source, attributes, outputWidth, 'byPosition');
    const shape = [1, channels, height, columns.width * batch];
    const { attributes: activation, outputs: named } = withFollower(emitter, node);
    const operands = [emitter.view(columns.name, shape), readKernel(emitter, weight, 'thinKernel')];
    if (bias !== undefined) operands.push(emitter.read(bias, 'blocked'));
    const { kernel, strides, pads, dilations } = attributes;
    blockedNode(
      emitter,
      'Conv',
      operands,
      {
        kernel_shape: ints(...kernel),
        strides: ints(strides[0]!, 1),
        dilations: ints(dilations[0]!, columns.dilation * batch),
        pads: ints(pads[0]!, 0, pads[2]!, 0),
        ...activation,
      },
      named,
    );
  },
};

/** dW by a convolution with swapped roles (see `weightGradient`), one group a channel. */
export const thinWeightGradient: Formulation<'ConvWeightGradient'> = {
  name: 'swapped roles, few channels',
  applies: ({ inputs, attributes }, emitter) =>
    isThin(attributes.weightShape, attributes.groups, emitter) &&
    canCorrelate(attributes, emitter.shapeOf(inputs[0]!)[2]!, emitter.shapeOf(inputs[1]!)[2]!),
  emit: ({ inputs, outputs, attributes }, emitter) => {
    const [batch, channels, height, width] = emitter.shapeOf(inputs[0]!) as [number, number, number, number];
    const output = mapOf(emitter, inputs[1]!);
    const source = { rows: channels * height, width, column: batch };
    const gradient = weightGradient(
      emitter,
      {
        x: columnsOf(emitter, samplesInside(emitter, inputs[0]!), source, attributes, output.width, 'byOutput'),
        groups: channels,
        inner: 1,
        height,
        dy: emitter.read(inputs[1]!, 'blocked'),
        outputs: output.channels,
        outputHeight: output.height,
        outputWidth: output.width,
        batch,
      },
      attributes,
    );
    const tile = output.block * attributes.kernel[0]! * attributes.kernel[1]!;
    const byOutput = transpose(emitter, emitter.view(gradient, [channels, output.blocks, tile]), [1, 0, 2]);
    emitter.alias(outputs[0]!, 'thinKernel', byOutput);
  },
};
