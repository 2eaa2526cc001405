import { elementCount } from '../../../graph/types.ts';
import type { Convolution } from '../../../ops/vocabulary.ts';
import { type Emitter, int, ints } from '../../emitter.ts';
import { plain } from '../../formulation.ts';

export function convolutionAttributes(attributes: Convolution) {
  return {
    kernel_shape: ints(...attributes.kernel),
    strides: ints(...attributes.strides),
    pads: ints(...attributes.pads),
    dilations: ints(...attributes.dilations),
    group: int(attributes.groups),
  };
}

/** Sizes at the far end that a transposed convolution must be told of, since several inputs give the same output. */
function outputPadding(
  attributes: Convolution,
  inputSizes: readonly number[],
  outputSizes: readonly number[],
): number[] {
  return inputSizes.map((size, axis) => {
    const span = (attributes.kernel[axis]! - 1) * attributes.dilations[axis]! + 1;
    const pads = attributes.pads[axis]! + attributes.pads[axis + inputSizes.length]!;
    return size - ((outputSizes[axis]! - 1) * attributes.strides[axis]! - pads + span);
  });
}

/** All positions in a kernel, in row-major order. */
function kernelPositions(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<number[][]>(
    (positions, size) => positions.flatMap((at) => Array.from({ length: size }, (_, index) => [...at, index])),
    [[]],
  );
}

/** [N,C,…] with channels first, padded: [C,N,…]. */
function channelsFirstPadded(emitter: Emitter, x: string, pads: readonly number[]): string {
  const spatial = pads.length / 2;
  const perm = [1, 0, ...Array.from({ length: spatial }, (_, axis) => axis + 2)];
  const swapped = emitter.node('Transpose', [x], { attributes: { perm: ints(...perm) } });
  if (pads.every((pad) => pad === 0)) return swapped;
  const all = [0, 0, ...pads.slice(0, spatial), 0, 0, ...pads.slice(spatial)];
  return emitter.node('Pad', [swapped, emitter.integers(all)]);
}

export const plainConvolution = plain<'Conv'>(({ inputs, outputs, attributes }, emitter) => {
  emitter.node(
    'Conv',
    inputs.map((input) => emitter.read(input)),
    { attributes: convolutionAttributes(attributes), outputs: [emitter.write(outputs[0]!)] },
  );
});

export const plainInputGradient = plain<'ConvInputGradient'>(({ inputs, outputs, attributes }, emitter) => {
  const outputSizes = emitter.shapeOf(inputs[0]!).slice(2);
  const padding = outputPadding(attributes, attributes.inputShape.slice(2), outputSizes);
  emitter.node(
    'ConvTranspose',
    inputs.map((input) => emitter.read(input)),
    {
      attributes: { ...convolutionAttributes(attributes), output_padding: ints(...padding) },
      outputs: [emitter.write(outputs[0]!)],
    },
  );
});

// dW[o, c, k] = Σ dY[n, o, p]·X[n, c, p·stride + k·dilation]: one shifted slice of X a kernel position, then one
// matrix product over the whole batch.
export const plainWeightGradient = plain<'ConvWeightGradient'>(({ inputs, outputs, attributes }, emitter) => {
  const { groups, kernel, strides, dilations, pads, weightShape } = attributes;
  const [batch, channels] = emitter.shapeOf(inputs[0]!);
  const [, outputChannels, ...sizes] = emitter.shapeOf(inputs[1]!);
  const columns = batch! * elementCount(sizes);
  const padded = channelsFirstPadded(emitter, emitter.read(inputs[0]!), pads);
  const axes = emitter.integers(sizes.map((_, axis) => axis + 2));
  const steps = emitter.integers(strides);
  const grouped = emitter.integers([groups, channels! / groups, columns]);
  const shifted = kernelPositions(kernel).map((position) => {
    const starts = position.map((at, axis) => at * dilations[axis]!);
    const ends = starts.map((start, axis) => start + (sizes[axis]! - 1) * strides[axis]! + 1);
    const slice = emitter.node('Slice', [padded, emitter.integers(starts), emitter.integers(ends), axes, steps]);
    return emitter.node('Reshape', [slice, grouped]);
  });
  const stacked = emitter.node('Concat', shifted, { attributes: { axis: int(1) } });
  const dy = channelsFirstPadded(
    emitter,
    emitter.read(inputs[1]!),
    sizes.flatMap(() => [0, 0]),
  );
  const dyRows = emitter.node('Reshape', [dy, emitter.integers([groups, outputChannels! / groups, columns])]);
  const product = emitter.node('FusedMatMul', [dyRows, stacked], {
    domain: 'com.microsoft',
    attributes: { transB: int(1) },
  });
  const split = [outputChannels!, elementCount(kernel), channels! / groups];
  const byPosition = emitter.node('Reshape', [product, emitter.integers(split)]);
  const byChannel = emitter.node('Transpose', [byPosition], { attributes: { perm: ints(0, 2, 1) } });
  emitter.node('Reshape', [byChannel, emitter.integers(weightShape)], { outputs: [emitter.write(outputs[0]!)] });
});
