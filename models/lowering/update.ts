import type { Parameter, TensorType } from '../graph/types.ts';
import type { Optimizer } from '../optimizers/optimizer.ts';
import { type Capabilities, Emitter, int, type Port, plainCapabilities } from './emitter.ts';
import { finish, type Program } from './lower.ts';

/** Names of the values that go into and come out of an update graph. */
export const updateNames = {
  gradient: (parameter: string) => `${parameter}/gradient`,
  state: (parameter: string, slot: string) => `${parameter}/${slot}`,
  /** A factor for all gradients, fed only where the optimizer clips. */
  gradientScale: 'gradientScale',
  scalar: (name: string) => `scalar/${name}`,
} as const;

/** One optimizer step for all trainable parameters of a stage; feeds and results may share memory. */
export function lowerUpdate(
  name: string,
  parameters: readonly Parameter[],
  optimizer: Optimizer,
  capabilities: Capabilities = plainCapabilities,
): Program {
  const trainable = parameters.filter((parameter) => parameter.kind === 'trainable');
  const scalars = Object.keys(optimizer.scalars(0, 0));
  const emitter = new Emitter(updateTypes(trainable, optimizer, scalars), capabilities);
  const outputs: Port[] = [];
  const put = (value: string, name: string, type: TensorType) =>
    outputs.push({ name, value, layout: 'plain', ...type });
  for (const { name: parameter, type } of trainable) {
    const raw = emitter.read(updateNames.gradient(parameter));
    const clipped = optimizer.clipNorm !== undefined;
    const gradient = clipped ? emitter.node('Mul', [raw, emitter.read(updateNames.gradientScale)]) : raw;
    const state = Object.fromEntries(
      optimizer.slots.map((slot) => [slot, emitter.read(updateNames.state(parameter, slot))]),
    );
    const fed = Object.fromEntries(scalars.map((scalar) => [scalar, emitter.read(updateNames.scalar(scalar))]));
    const next = optimizer.update(emitter, { parameter: emitter.read(parameter), gradient, state, scalars: fed });
    put(parameter, next.parameter, type);
    for (const slot of optimizer.slots) put(updateNames.state(parameter, slot), next.state[slot]!, type);
  }
  return finish(name, emitter, outputs);
}

/** The sum of squares of each parameter's gradient, as one vector in the order of the parameters. */
export function lowerNorms(name: string, parameters: readonly Parameter[]): Program {
  const trainable = parameters.filter((parameter) => parameter.kind === 'trainable');
  const types = new Map(trainable.map((parameter) => [updateNames.gradient(parameter.name), parameter.type]));
  const emitter = new Emitter(types, plainCapabilities);
  const one = emitter.integers([1]);
  const norms = [...types.keys()].map((gradient) => {
    const sum = emitter.node('ReduceSumSquare', [emitter.read(gradient)], { attributes: { keepdims: int(0) } });
    return emitter.node('Reshape', [sum, one]);
  });
  const squares = emitter.node('Concat', norms, { attributes: { axis: int(0) }, outputs: ['squaredNorms'] });
  return finish(name, emitter, [
    { name: squares, value: squares, layout: 'plain', dataType: 'float32', shape: [trainable.length] },
  ]);
}

function updateTypes(
  parameters: readonly Parameter[],
  optimizer: Optimizer,
  scalars: readonly string[],
): ReadonlyMap<string, TensorType> {
  const scalar: TensorType = { dataType: 'float32', shape: [] };
  const types = new Map<string, TensorType>([[updateNames.gradientScale, scalar]]);
  for (const name of scalars) types.set(updateNames.scalar(name), scalar);
  for (const { name, type } of parameters) {
    types.set(name, type);
    types.set(updateNames.gradient(name), type);
    for (const slot of optimizer.slots) types.set(updateNames.state(name, slot), type);
  }
  return types;
}
