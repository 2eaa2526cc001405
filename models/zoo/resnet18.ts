import type { GraphBuilder } from '../graph/builder.ts';
import { batchNormalization, convolution, globalAveragePool, linear, relu } from './layers.ts';
import { classifier, type Model, type ModelOptions } from './model.ts';

const stages = [
  [64, 1],
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
] as const;

function basicBlock(builder: GraphBuilder, name: string, x: string, outputs: number, stride: number): string {
  const inputs = builder.typeOf(x).shape[1]!;
  const first = convolution(builder, `${name}.conv1`, x, outputs, { stride });
  const active = relu(builder, `${name}.relu1`, batchNormalization(builder, `${name}.bn1`, first));
  const second = convolution(builder, `${name}.conv2`, active, outputs);
  const body = batchNormalization(builder, `${name}.bn2`, second);
  let shortcut = x;
  if (stride !== 1 || inputs !== outputs) {
    const projected = convolution(builder, `${name}.short.conv`, x, outputs, { kernel: 1, stride });
    shortcut = batchNormalization(builder, `${name}.short.bn`, projected);
  }
  return relu(builder, `${name}.relu2`, builder.add('Add', `${name}.add`, [body, shortcut], {}));
}

/** ResNet-18 for 32×32 images: a 3×3 stem of stride 1 and no first pooling (arXiv 1512.03385). */
export function resnet18(options: ModelOptions): Model {
  return classifier('resnet18', options, (builder, x) => {
    const stem = batchNormalization(builder, 'stem.bn', convolution(builder, 'stem.conv', x, 64));
    let value = relu(builder, 'stem.relu', stem);
    stages.forEach(([outputs, stride], index) => {
      value = basicBlock(builder, `block${index + 1}`, value, outputs, stride);
    });
    return linear(builder, 'fc', globalAveragePool(builder, 'pool', value), options.classes);
  });
}
