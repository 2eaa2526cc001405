import { elementCount } from '../../graph/types.ts';
import type { PoolingOp, Window, WithGradient } from '../../ops/vocabulary.ts';
import { type Emitter, int, ints, text } from '../emitter.ts';
import { type Formulations, plain } from '../formulation.ts';
import { blockedAverage, blockedAverageGradient, blockedMaxPool, blockedMaxPoolGradient } from './pooling/blocked.ts';

const windowAttributes = (window: Window) => ({
  kernel_shape: ints(...window.kernel),
  strides: ints(...window.strides),
  pads: ints(...window.pads),
});

/** The windows neither overlap nor reach over the border, so every input belongs to one window at the most. */
function tiles({ kernel, strides, pads }: Window): boolean {
  return pads.every((pad) => pad === 0) && kernel.every((size, axis) => size === strides[axis]);
}

/** Position (in the whole input tensor) of each window's maximum. */
function maximumPositions(emitter: Emitter, x: string, window: Window): string {
  const positions = emitter.fresh('positions');
  emitter.node('MaxPool', [x], {
    attributes: windowAttributes(window),
    outputs: [emitter.fresh('MaxPool'), positions],
  });
  return positions;
}

/** 1 / (inputs under the window that are not padding), at each output position: shape [1, 1, …outputs]. */
function reciprocalCounts(window: Window, inputs: readonly number[], outputs: readonly number[]): Float32Array {
  const counts = outputs.map((size, axis) =>
    Array.from({ length: size }, (_, at) => {
      const start = at * window.strides[axis]! - window.pads[axis]!;
      return Math.min(start + window.kernel[axis]!, inputs[axis]!) - Math.max(start, 0);
    }),
  );
  const products = counts.reduce<number[]>(
    (all, axis) => all.flatMap((left) => axis.map((right) => left * right)),
    [1],
  );
  return Float32Array.from(products, (count) => 1 / count);
}

export const poolingFormulations = {
  MaxPool: [
    blockedMaxPool,
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node('MaxPool', [emitter.read(inputs[0]!)], {
        attributes: windowAttributes(attributes),
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  AveragePool: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node('AveragePool', [emitter.read(inputs[0]!)], {
        attributes: {
          ...windowAttributes(attributes),
          count_include_pad: int(Number(attributes.countIncludePad)),
        },
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  GlobalAveragePool: [
    blockedAverage,
    plain(({ inputs, outputs }, emitter) => {
      emitter.node('GlobalAveragePool', [emitter.read(inputs[0]!)], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  MaxPoolGradient: [
    blockedMaxPoolGradient,
    {
      name: 'unpool',
      applies: ({ attributes }) => tiles(attributes),
      emit: ({ inputs, outputs, attributes }, emitter) => {
        const positions = maximumPositions(emitter, emitter.read(inputs[1]!), attributes);
        const shape = emitter.integers(emitter.shapeOf(inputs[1]!));
        emitter.node('MaxUnpool', [emitter.read(inputs[0]!), positions, shape], {
          attributes: { kernel_shape: ints(...attributes.kernel), strides: ints(...attributes.strides) },
          outputs: [emitter.write(outputs[0]!)],
        });
      },
    },
    plain(({ inputs, outputs, attributes }, emitter) => {
      const shape = emitter.shapeOf(inputs[1]!);
      const flat = emitter.integers([-1]);
      const positions = maximumPositions(emitter, emitter.read(inputs[1]!), attributes);
      const zeros = emitter.node('ConstantOfShape', [emitter.integers([elementCount(shape)])]);
      const indices = emitter.node('Reshape', [positions, flat]);
      const dy = emitter.node('Reshape', [emitter.read(inputs[0]!), flat]);
      const summed = emitter.node('ScatterElements', [zeros, indices, dy], {
        attributes: { axis: int(0), reduction: text('add') },
      });
      emitter.node('Reshape', [summed, emitter.integers(shape)], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  // dX is a transposed convolution of dY/count with a kernel of ones, one channel at a time.
  AveragePoolGradient: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      const { inputShape, countIncludePad, kernel, strides, pads } = attributes;
      const [batch, channels, ...inputSizes] = inputShape;
      const outputSizes = emitter.shapeOf(inputs[0]!).slice(2);
      const planes = [batch! * channels!, 1];
      const dy = emitter.node('Reshape', [emitter.read(inputs[0]!), emitter.integers([...planes, ...outputSizes])]);
      const data = countIncludePad
        ? new Float32Array(elementCount(outputSizes)).fill(1 / elementCount(kernel))
        : reciprocalCounts(attributes, inputSizes, outputSizes);
      const weights = emitter.constant({
        name: `${outputs[0]}/counts`,
        dataType: 'float32',
        shape: [1, 1, ...outputSizes],
        data,
      });
      const ones = emitter.constant({
        name: `ones[${kernel.join(',')}]`,
        dataType: 'float32',
        shape: [1, 1, ...kernel],
        data: new Float32Array(elementCount(kernel)).fill(1),
      });
      const padding = inputSizes.map(
        (size, axis) =>
          size -
          ((outputSizes[axis]! - 1) * strides[axis]! - pads[axis]! - pads[axis + inputSizes.length]! + kernel[axis]!),
      );
      const spread = emitter.node('ConvTranspose', [emitter.node('Mul', [dy, weights]), ones], {
        attributes: { ...windowAttributes(attributes), output_padding: ints(...padding) },
      });
      emitter.node('Reshape', [spread, emitter.integers(inputShape)], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  GlobalAveragePoolGradient: [
    blockedAverageGradient,
    plain(({ inputs, outputs, attributes }, emitter) => {
      const { inputShape } = attributes;
      const mean = emitter.node('Mul', [
        emitter.read(inputs[0]!),
        emitter.scalar(1 / elementCount(inputShape.slice(2))),
      ]);
      emitter.node('Expand', [mean, emitter.integers(inputShape)], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
} satisfies Formulations<WithGradient<PoolingOp>>;
