import type { GraphBuilder } from '../graph/builder.ts';
import { batchNormalization, convolution, dropout, globalAveragePool, linear, maxPool, relu } from './layers.ts';
import { classifier, type Model, type ModelOptions } from './model.ts';

function unit(builder: GraphBuilder, name: string, x: string, outputs: number): string {
  return relu(
    builder,
    `${name}.relu`,
    batchNormalization(builder, `${name}.bn`, convolution(builder, name, x, outputs)),
  );
}

/** A small CNN of about 0.5 M parameters for images of 28×28 to 64×64: six 3×3 convolutions in three widths. */
export function cifarnet(options: ModelOptions): Model {
  return classifier('cifarnet', options, (builder, x) => {
    let value = x;
    [32, 64, 128].forEach((width, index) => {
      value = unit(builder, `conv${index + 1}a`, value, width);
      value = unit(builder, `conv${index + 1}b`, value, index === 2 ? 256 : width);
      if (index < 2) value = maxPool(builder, `pool${index + 1}`, value);
    });
    const pooled = globalAveragePool(builder, 'pool3', value);
    return linear(builder, 'fc', dropout(builder, 'drop', pooled, 0.1), options.classes);
  });
}
