import type { Node } from '../../../graph/types.ts';
import type { Convolution } from '../../../ops/vocabulary.ts';
import { blockedNode, mapOf, withFollower } from '../../blocked.ts';
import { type Emitter, int, ints } from '../../emitter.ts';
import type { PackedKernel } from '../../layout.ts';
import { range, readKernel } from './kernels.ts';

/** An input whose samples lie beside each other: [groups, height, width, batch, inner]. */
export interface SideBySide {
  readonly name: string;
  /** Blocks of channels, or channels. */
  readonly groups: number;
  /** Channels of one group. */
  readonly inner: 1 | 8 | 16;
  readonly height: number;
  readonly width: number;
  readonly batch: number;
}

/**
 * What a convolution slides over: columns, each of all samples of one place of one group, in rows; the kernel's steps to
 * the right are steps from column to column, which `dilation` counts in columns.
 */
interface Columns {
  /** [groups · height, width, batch · inner] */
  readonly name: string;
  readonly width: number;
  readonly dilation: number;
}

/**
 * Columns for a convolution to slide over, so that it has to pad only above and below. With stride 1, the input between
 * columns of zeros. With another stride, the columns that each output reads, one copy for each of the kernel's
 * positions: either all outputs' first positions first (`byPosition`: for the convolution itself), or all positions of
 * the first output first (`byOutput`: for the weight gradient).
 */
export function columnsOf(
  emitter: Emitter,
  { name: x, groups, inner, height, width, batch }: SideBySide,
  { kernel, strides, pads, dilations }: Convolution,
  outputs: number,
  order: 'byPosition' | 'byOutput',
): Columns {
  const [left, right] = [pads[1]!, pads[3]!];
  const [rows, column] = [groups * height, batch * inner];
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

/** Y = W∗X over the columns of all samples at once; a kernel step to the right is `dilation` columns of N places. */
export function convolveColumns(
  emitter: Emitter,
  node: Node<'Conv'>,
  x: SideBySide,
  layout: Extract<PackedKernel, 'blockedKernel' | 'thinKernel'>,
): void {
  const { inputs, outputs, attributes } = node;
  const [, weight, bias] = inputs as [string, string, string | undefined];
  const { groups, inner, height, batch } = x;
  const columns = columnsOf(emitter, x, attributes, mapOf(emitter, outputs[0]!).width, 'byPosition');
  const shape = [1, groups * inner, height, columns.width * batch];
  const { attributes: activation, outputs: named } = withFollower(emitter, node);
  const operands = [emitter.view(columns.name, shape), readKernel(emitter, weight, layout)];
  if (bias !== undefined) operands.push(emitter.read(bias, 'blocked'));
  const { kernel, strides, pads, dilations } = attributes;
  const steps = {
    kernel_shape: ints(...kernel),
    strides: ints(strides[0]!, 1),
    dilations: ints(dilations[0]!, columns.dilation * batch),
    pads: ints(pads[0]!, 0, pads[2]!, 0),
  };
  blockedNode(emitter, 'Conv', operands, { ...steps, ...activation }, named);
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
