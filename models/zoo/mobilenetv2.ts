import type { GraphBuilder } from '../graph/builder.ts';
import { batchNormalization, convolution, globalAveragePool, linear, relu6 } from './layers.ts';
import { classifier, type Model, type ModelOptions } from './model.ts';

/** Expansion, output channels, repetitions, stride of the first (arXiv 1801.04381, table 2; strides for 32×32). */
const groups = [
  [1, 16, 1, 1],
  [6, 24, 2, 1],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

interface Residual {
  readonly outputs: number;
  readonly stride: number;
  readonly expansion: number;
}

function invertedResidual(
  builder: GraphBuilder,
  name: string,
  x: string,
  { outputs, stride, expansion }: Residual,
): string {
  const inputs = builder.typeOf(x).shape[1]!;
  const hidden = inputs * expansion;
  const normalized = (layer: string, value: string) => batchNormalization(builder, `${name}.${layer}.bn`, value);
  let value = x;
  if (expansion !== 1) {
    const wide = convolution(builder, `${name}.expand`, value, hidden, { kernel: 1 });
    value = relu6(builder, `${name}.expand.relu`, normalized('expand', wide));
  }
  const depthwise = convolution(builder, `${name}.depthwise`, value, hidden, { stride, groups: hidden });
  value = relu6(builder, `${name}.depthwise.relu`, normalized('depthwise', depthwise));
  value = normalized('project', convolution(builder, `${name}.project`, value, outputs, { kernel: 1 }));
  return stride === 1 && inputs === outputs ? builder.add('Add', `${name}.add`, [x, value], {}) : value;
}

/** MobileNetV2 for 32×32 images: stride 1 in the stem and in the second group. */
export function mobilenetv2(options: ModelOptions): Model {
  return classifier('mobilenetv2', options, (builder, x) => {
    const stem = batchNormalization(builder, 'stem.bn', convolution(builder, 'stem.conv', x, 32));
    let value = relu6(builder, 'stem.relu', stem);
    let index = 0;
    for (const [expansion, outputs, repetitions, firstStride] of groups) {
      for (let repetition = 0; repetition < repetitions; repetition++) {
        index += 1;
        const stride = repetition === 0 ? firstStride : 1;
        value = invertedResidual(builder, `block${index}`, value, { outputs, stride, expansion });
      }
    }
    const head = batchNormalization(builder, 'head.bn', convolution(builder, 'head.conv', value, 1280, { kernel: 1 }));
    const pooled = globalAveragePool(builder, 'pool', relu6(builder, 'head.relu', head));
    return linear(builder, 'fc', pooled, options.classes);
  });
}
