import { convolution, flatten, linear, maxPool, relu } from './layers.ts';
import { classifier, type Model, type ModelOptions } from './model.ts';

const configuration = [64, 'pool', 128, 'pool', 256, 256, 'pool', 512, 512, 'pool', 512, 512, 'pool'] as const;

/** VGG-11 for 32×32 images: eight 3×3 convolutions and one linear layer (arXiv 1409.1556, configuration A). */
export function vgg11(options: ModelOptions): Model {
  return classifier('vgg11', options, (builder, x) => {
    let layer = 0;
    let value = x;
    for (const step of configuration) {
      if (step === 'pool') value = maxPool(builder, `pool${layer}`, value);
      else {
        layer += 1;
        value = convolution(builder, `conv${layer}`, value, step, { bias: true });
        value = relu(builder, `relu${layer}`, value);
      }
    }
    return linear(builder, 'fc', flatten(builder, 'flat', value), options.classes);
  });
}
