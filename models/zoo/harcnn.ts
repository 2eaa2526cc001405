import { batchNormalization, convolution, globalAveragePool, linear, maxPool, relu } from './layers.ts';
import { classifier, type Model, type ModelOptions } from './model.ts';

/** Activity recognition from windows of motion-sensor data [9, 128]: four 1-D convolutions. */
export function harcnn(options: ModelOptions): Model {
  return classifier('harcnn', options, (builder, x) => {
    let value = x;
    [64, 64, 128, 128].forEach((width, index) => {
      const name = `conv${index + 1}`;
      const filtered = convolution(builder, name, value, width, { kernel: 5 });
      value = relu(builder, `${name}.relu`, batchNormalization(builder, `${name}.bn`, filtered));
      if (index < 3) value = maxPool(builder, `pool${index + 1}`, value);
    });
    return linear(builder, 'fc', globalAveragePool(builder, 'pool', value), options.classes);
  });
}
