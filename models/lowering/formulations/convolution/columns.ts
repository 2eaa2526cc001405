import type { Convolution } from '../../../ops/vocabulary.ts';
import { blockedNode } from '../../blocked.ts';
import { type Emitter, int, ints } from '../../emitter.ts';
import { transpose } from '../../layout.ts';
import { roundUp } from '../../packing.ts';
import { range } from './kernels.ts';

/**
 * A convolution over samples that lie beside each other. The input is a list of columns, each of `column` values (all
 * samples of one place), in `rows` rows (of one channel or one block of channels); the kernel's steps to the right are
 * steps from column to column, which `dilation` counts in columns.
 */
export interface Columns {
  /** [rows, width, column] */
  readonly name: string;
  readonly width: number;
  readonly dilation: number;
}

interface Source {
  readonly rows: number;
  readonly width: number;
  readonly column: number;
}

/**
 * Columns for a convolution to slide over, so that it has to pad only above and below. With stride 1, the input between
 * columns of zeros. With another stride, the columns that each output reads, one copy for each of the kernel's
 * positions: either all outputs' first positions first (`byPosition`: for the convolution itself), or all positions of
 * the first output first (`byOutput`: for the weight gradient).
 */
export function columnsOf(
  emitter: Emitter,
  x: string,
  { rows, width, column }: Source,
  { kernel, strides, pads, dilations }: Convolution,
  outputs: number,
  order: 'byPosition' | 'byOutput',
): Columns {
  const [left, right] = [pads[1]!, pads[3]!];
  const padded = padColumns(emitter, x, rows, width * column, [left * column, right * column]);
  const all = left + width + right;
  if (strides[1] === 1) return { name: padded, width: all, dilation: dilations[1]! };
  const [places, positions] = [range(outputs), range(kernel[1]!)];
  const at = (place: number, position: number) => place * strides[1]! + position * dilations[1]!;
  const picked =
    order === 'byPosition'
      ? positions.flatMap((position) => places.map((place) => at(place, position)))
      : places.flatMap((place) => positions.map((position) => at(place, position)));
  const name = emitter.once(`${padded}/columns/${picked.join(',')}`, () =>
    emitter.node('Gather', [emitter.view(padded, [rows, all, column]), emitter.integers(picked)], {
      attributes: { axis: int(1) },
    }),
  );
  return { name, width: picked.length, dilation: order === 'byPosition' ? outputs : kernel[1]! };
}

/** Zeros at the beginning and the end of each row. */
export function padColumns(
  emitter: Emitter,
  x: string,
  rows: number,
  length: number,
  [before, after]: readonly [number, number],
): string {
  if (before === 0 && after === 0) return x;
  return emitter.once(`${x}/padded/${before}/${after}`, () =>
    emitter.node('Pad', [emitter.view(x, [rows, length]), emitter.integers([0, before, 0, after])]),
  );
}

/**
 * How many rows of zeros to put below so that sliding a window gives exactly `outputs` rows; undefined where rows would
 * have to be left out instead.
 */
export function rowsBelow(
  size: number,
  above: number,
  { span, stride, outputs }: { span: number; stride: number; outputs: number },
): number | undefined {
  const below = (outputs - 1) * stride + span - size - above;
  return below < 0 ? undefined : below;
}

/** Sizes of what `weightGradient` correlates: groups of rows of columns of samples, each of `inner` channels. */
export interface Correlation {
  /** [groups, height, width, batch, inner] */
  readonly x: Columns;
  readonly groups: number;
  readonly inner: 1 | 8 | 16;
  readonly height: number;
  /** [blocks of outputs, outputHeight, outputWidth, batch, B] */
  readonly dy: string;
  readonly outputs: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
  readonly batch: number;
}

/**
 * dW[o, c, k] = Σ over samples and places of dY[n, o, p]·X[n, c, p·stride + k·dilation], as one convolution with the
 * roles swapped: the samples are its input channels (it sums over them), X is its image, dY its kernel, the kernel
 * positions its places. Result: [groups, O, kh, kw·inner], that is [C/B, O/B, k, B(in), B(out)].
 */
export function weightGradient(
  emitter: Emitter,
  { x, groups, inner, height, dy, outputs, outputHeight, outputWidth, batch }: Correlation,
  { kernel, strides, pads, dilations }: Convolution,
): string {
  const block = emitter.capabilities.channelBlock;
  const samples = batch < block ? batch : roundUp(batch, block);
  const image = samplesAsChannels(emitter, x.name, { groups, places: height * x.width, batch, inner });
  const places = outputHeight * outputWidth;
  const filter = samplesAsInputs(emitter, dy, { blocks: outputs / block, places, batch });
  const below = rowsBelow(height, pads[0]!, {
    span: (outputHeight - 1) * strides[0]! + 1,
    stride: dilations[0]!,
    outputs: kernel[0]!,
  })!;
  return blockedNode(
    emitter,
    'Conv',
    [
      emitter.view(image, [groups, samples, height, x.width * inner]),
      emitter.view(filter, [outputs, samples, outputHeight, outputWidth]),
    ],
    {
      kernel_shape: ints(outputHeight, outputWidth),
      strides: ints(dilations[0]!, 1),
      dilations: ints(strides[0]!, (strides[1] === 1 ? 1 : x.dilation) * inner),
      pads: ints(pads[0]!, 0, below, 0),
    },
  );
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
