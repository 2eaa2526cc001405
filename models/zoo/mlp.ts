import { flatten, linear, relu } from './layers.ts';
import { classifier, type Model, type ModelOptions } from './model.ts';

/** A multi-layer perceptron with three hidden layers, for inputs of any shape. */
export function mlp(options: ModelOptions): Model {
  return classifier('mlp', options, (builder, x) => {
    let value = flatten(builder, 'flat', x);
    [256, 256, 128].forEach((width, index) => {
      value = relu(builder, `relu${index + 1}`, linear(builder, `fc${index + 1}`, value, width));
    });
    return linear(builder, 'fc', value, options.classes);
  });
}
