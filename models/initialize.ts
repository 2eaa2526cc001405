import { elementCount, type Parameter } from './graph/types.ts';
import { randomStream } from './random/index.ts';

/** The first values of a parameter, drawn from the seed and its name: the same whichever board holds it. */
export function initialValues({ name, type, initializer }: Parameter, seed: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(elementCount(type.shape));
  const stream = randomStream(seed, 'initialize', name);
  switch (initializer.kind) {
    case 'constant':
      return values.fill(initializer.value);
    case 'uniform':
      stream.fillUniform(values, -initializer.bound, initializer.bound);
      return values;
    case 'normal':
      stream.fillNormal(values, 0, initializer.deviation);
      return values;
    default:
      return initializer satisfies never;
  }
}
