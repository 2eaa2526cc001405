import type { Convolution } from '../../../ops/vocabulary.ts';
import { blockedNode, mapOf, wide } from '../../blocked.ts';
import { type Emitter, int, ints } from '../../emitter.ts';
import type { Formulation } from '../../formulation.ts';
import { rowsBelow } from './columns.ts';
import { kernelLayout, range, readKernel } from './kernels.ts';

/** Convolutions of each channel by itself, in the engine's depthwise convolution over all samples side by side. */

function isDepthwise(weightShape: readonly number[], { groups }: Convolution, emitter: Emitter): boolean {
  return kernelLayout(weightShape, groups, emitter.capabilities.channelBlock) === 'depthwiseKernel';
}

const evenly = ({ strides }: Convolution, [, , height, width]: readonly number[]) =>
  height! % strides[0]! === 0 && width! % strides[1]! === 0;

/** Every place is computed in the row; with a stride, the columns that are wanted are then picked out. */
export const depthwiseConvolution: Formulation<'Conv'> = {
  name: 'depthwise',
  applies: ({ inputs, attributes }, emitter) =>
    inputs.length === 2 && isDepthwise(emitter.shapeOf(inputs[1]!), attributes, emitter),
  emit: ({ inputs, outputs, attributes: { kernel, strides, dilations, pads } }, emitter) => {
    const map = mapOf(emitter, inputs[0]!);
    const { channels, batch, width, column } = map;
    const output = mapOf(emitter, outputs[0]!);
    const operands = [
      emitter.view(emitter.read(inputs[0]!, 'blocked'), wide(map)),
      readKernel(emitter, inputs[1]!, 'depthwiseKernel'),
    ];
    const convolved = blockedNode(
      emitter,
      'Conv',
      operands,
      {
        kernel_shape: ints(...kernel),
        strides: ints(strides[0]!, 1),
        dilations: ints(dilations[0]!, dilations[1]! * batch),
        pads: ints(pads[0]!, pads[1]! * batch, pads[2]!, pads[3]! * batch),
        group: int(channels),
      },
      strides[1] === 1 ? [emitter.write(outputs[0]!, 'blocked')] : undefined,
    );
    if (strides[1] === 1) return;
    const computed = pads[1]! + width + pads[3]! - (kernel[1]! - 1) * dilations[1]!;
    const rows = emitter.view(convolved, [output.blocks * output.height, computed, column]);
    const picked = emitter.integers(range(output.width).map((at) => at * strides[1]!));
    const columns = emitter.node('Gather', [rows, picked], { attributes: { axis: int(1) } });
    emitter.alias(outputs[0]!, 'blocked', emitter.view(columns, wide(output)));
  },
};

/** dY with zeros between, as many as the stride skipped: what a stride of 1 would have given a gradient to. */
function spread(emitter: Emitter, dy: string, { strides }: Convolution): string {
  const { blocks, height, width, column, channels, batch } = mapOf(emitter, dy);
  const blocked = emitter.read(dy, 'blocked');
  const [down, across] = strides as [number, number];
  if (down === 1 && across === 1) return blocked;
  return emitter.once(`${blocked}/spread/${down}/${across}`, () => {
    const apart = emitter.view(blocked, [blocks * height, 1, width, 1, column]);
    const ends = [0, 0, 0, 0, 0, 0, down - 1, 0, across - 1, 0];
    const stuffed = emitter.node('Pad', [apart, emitter.integers(ends)]);
    return emitter.view(stuffed, [1, channels, height * down, width * across * batch]);
  });
}

/** Padding at the end of rows and columns that makes the gradient's convolution give the sizes wanted. */
function ends({ kernel, dilations, pads, strides }: Convolution, x: readonly number[], dy: readonly number[]) {
  const rest = [0, 1].map((axis) => {
    const span = (kernel[axis]! - 1) * dilations[axis]!;
    const size = dy[axis + 2]! * strides[axis]!;
    const input = rowsBelow(size, span - pads[axis]!, { span: span + 1, stride: 1, outputs: x[axis + 2]! });
    const weight = rowsBelow(x[axis + 2]!, pads[axis]!, {
      span: size,
      stride: dilations[axis]!,
      outputs: kernel[axis]!,
    });
    return { before: span - pads[axis]!, input, weight };
  });
  return rest as [(typeof rest)[number], (typeof rest)[number]];
}

export const depthwiseInputGradient: Formulation<'ConvInputGradient'> = {
  name: 'depthwise, turned kernel',
  applies: ({ inputs, attributes }, emitter) =>
    isDepthwise(emitter.shapeOf(inputs[1]!), attributes, emitter) &&
    evenly(attributes, attributes.inputShape) &&
    ends(attributes, attributes.inputShape, emitter.shapeOf(inputs[0]!)).every(
      ({ before, input }) => before >= 0 && input !== undefined,
    ),
  emit: ({ inputs, outputs, attributes }, emitter) => {
    const { kernel, dilations, inputShape } = attributes;
    const { channels, blocks, block, batch } = mapOf(emitter, outputs[0]!);
    const [rows, columns] = ends(attributes, inputShape, emitter.shapeOf(inputs[0]!));
    const positions = range(kernel[0]! * kernel[1]!);
    const tiles = emitter.view(emitter.read(inputs[1]!, 'depthwiseKernel'), [blocks, positions.length, block]);
    const turned = emitter.node('Gather', [tiles, emitter.integers(positions.toReversed())], {
      attributes: { axis: int(1) },
    });
    blockedNode(
      emitter,
      'Conv',
      [spread(emitter, inputs[0]!, attributes), emitter.view(turned, [channels, 1, ...kernel])],
      {
        kernel_shape: ints(...kernel),
        dilations: ints(dilations[0]!, dilations[1]! * batch),
        pads: ints(rows.before, columns.before * batch, rows.input!, columns.input! * batch),
        group: int(channels),
      },
      [emitter.write(outputs[0]!, 'blocked')],
    );
  },
};

/** dW: dY as a kernel as large as the map, which slides over the padded X. */
export const depthwiseWeightGradient: Formulation<'ConvWeightGradient'> = {
  name: 'depthwise, dY as kernel',
  applies: ({ inputs, attributes }, emitter) =>
    isDepthwise(attributes.weightShape, attributes, emitter) &&
    ends(attributes, emitter.shapeOf(inputs[0]!), emitter.shapeOf(inputs[1]!)).every(
      ({ weight }) => weight !== undefined,
    ),
  emit: ({ inputs, outputs, attributes }, emitter) => {
    const { dilations, pads, strides } = attributes;
    const map = mapOf(emitter, inputs[0]!);
    const dy = mapOf(emitter, inputs[1]!);
    const [rows, columns] = ends(attributes, emitter.shapeOf(inputs[0]!), emitter.shapeOf(inputs[1]!));
    const size = [dy.height * strides[0]!, dy.width * strides[1]! * dy.batch] as const;
    const image = emitter.view(emitter.read(inputs[0]!, 'blocked'), wide(map));
    const filter = emitter.view(spread(emitter, inputs[1]!, attributes), [map.channels, 1, ...size]);
    blockedNode(
      emitter,
      'Conv',
      [image, filter],
      {
        kernel_shape: ints(...size),
        strides: ints(dilations[0]!, dilations[1]! * map.batch),
        pads: ints(pads[0]!, pads[1]! * map.batch, rows.weight!, columns.weight! * map.batch),
        group: int(map.channels),
      },
      [emitter.write(outputs[0]!, 'depthwiseKernel')],
    );
  },
};
