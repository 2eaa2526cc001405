import { elementCount, type Node } from '../../../graph/types.ts';
import type { Convolution } from '../../../ops/vocabulary.ts';
import { blockedNode, mapOf } from '../../blocked.ts';
import { type Emitter, ints } from '../../emitter.ts';
import { type PackedKernel, transpose } from '../../layout.ts';
import { roundUp } from '../../packing.ts';
import { columnsOf, rowsBelow, type SideBySide } from './columns.ts';

/** The gradient of weights as a convolution with the roles swapped, over samples that lie beside each other. */

/**
 * dW[o, c, k] = Σ over samples and places of dY[n, o, p]·X[n, c, p·stride + k·dilation], as one convolution with the
 * roles swapped: the samples are its input channels (it sums over them), X is its image, dY its kernel, the kernel
 * positions its places. Result: [groups, O, kh, kw·inner], that is [C/B, O/B, k, B(in), B(out)].
 */
export function weightGradient(emitter: Emitter, node: Node<'ConvWeightGradient'>, input: SideBySide): string {
  const { kernel, strides, pads, dilations } = node.attributes;
  const { groups, inner, height, batch } = input;
  const output = mapOf(emitter, node.inputs[1]!);
  const x = columnsOf(emitter, input, node.attributes, output.width, 'byOutput');
  const dy = emitter.read(node.inputs[1]!, 'blocked');
  const block = emitter.capabilities.channelBlock;
  const samples = batch < block ? batch : roundUp(batch, block);
  const image = samplesAsChannels(emitter, x.name, { groups, places: height * x.width, batch, inner });
  const filter = samplesAsInputs(emitter, dy, { blocks: output.blocks, places: output.height * output.width, batch });
  const below = rowsBelow(height, pads[0]!, {
    span: (output.height - 1) * strides[0]! + 1,
    stride: dilations[0]!,
    outputs: kernel[0]!,
  })!;
  return blockedNode(
    emitter,
    'Conv',
    [
      emitter.view(image, [groups, samples, height, x.width * inner]),
      emitter.view(filter, [output.channels, samples, output.height, output.width]),
    ],
    {
      kernel_shape: ints(output.height, output.width),
      strides: ints(dilations[0]!, 1),
      dilations: ints(strides[0]!, (strides[1] === 1 ? 1 : x.dilation) * inner),
      pads: ints(pads[0]!, 0, below, 0),
    },
  );
}

/** [groups, O/B, k·inner, B] of a weight gradient → the layout of the weights, [O/B, groups, k·inner, B]. */
export function putKernel(
  emitter: Emitter,
  node: Node<'ConvWeightGradient'>,
  gradient: string,
  { groups, inner }: Pick<SideBySide, 'groups' | 'inner'>,
  layout: Extract<PackedKernel, 'blockedKernel' | 'thinKernel'>,
): void {
  const { blocks, block } = mapOf(emitter, node.inputs[1]!);
  const tile = inner * block * elementCount(node.attributes.kernel);
  const sorted = transpose(emitter, emitter.view(gradient, [groups, blocks, tile]), [1, 0, 2]);
  emitter.alias(node.outputs[0]!, layout, sorted);
}

/** Does `weightGradient` hold for this convolution? */
export function canCorrelate(
  { kernel, strides, pads, dilations }: Convolution,
  height: number,
  outputHeight: number,
): boolean {
  const span = (outputHeight - 1) * strides[0]! + 1;
  const below = rowsBelow(height, pads[0]!, { span, stride: dilations[0]!, outputs: kernel[0]! });
  return below !== undefined && (strides[1] !== 1 || dilations[1] === 1);
}

/** [groups, places, N, inner] as an image with a channel a sample: [groups, N, places·inner], in blocks where N fills them. */
function samplesAsChannels(
  emitter: Emitter,
  x: string,
  { groups, places, batch, inner }: { groups: number; places: number; batch: number; inner: number },
): string {
  const block = emitter.capabilities.channelBlock;
  if (batch < block) return moveSamples(emitter, x, [groups, places, batch, inner]);
  const filled = fillSamples(emitter, x, groups * places, batch, inner);
  const blocks = Math.ceil(batch / block);
  const inside =
    inner === 1
      ? filled
      : blockedNode(emitter, 'ReorderInput', [emitter.view(filled, [groups * places, blocks * block, 1, inner])]);
  return moveSamples(emitter, inside, [groups, places, blocks, inner * block]);
}

/** [O/B, places, N, B] as weights with an input channel a sample: [O/B, N, places, B], in blocks where N fills them. */
function samplesAsInputs(
  emitter: Emitter,
  dy: string,
  { blocks, places, batch }: { blocks: number; places: number; batch: number },
): string {
  const block = emitter.capabilities.channelBlock;
  if (batch < block) return moveSamples(emitter, dy, [blocks, places, batch, block]);
  const filled = fillSamples(emitter, dy, blocks * places, batch, block);
  return moveSamples(emitter, filled, [blocks, places, Math.ceil(batch / block), block * block]);
}

/** [a, b, c, d] → [a, c, b, d] */
function moveSamples(emitter: Emitter, name: string, sizes: readonly [number, number, number, number]): string {
  if (sizes[1] === 1 || sizes[2] === 1) return name;
  return transpose(emitter, emitter.view(name, sizes), [0, 2, 1, 3]);
}

/** [rows, N, inner] with samples of zeros appended until they fill blocks. */
function fillSamples(emitter: Emitter, name: string, rows: number, batch: number, inner: number): string {
  const append = (roundUp(batch, emitter.capabilities.channelBlock) - batch) * inner;
  if (append === 0) return name;
  return emitter.node('Pad', [emitter.view(name, [rows, batch * inner]), emitter.integers([0, 0, 0, append])]);
}
