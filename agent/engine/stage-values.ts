import {
  type Block,
  elementCount,
  initialValues,
  type Optimizer,
  type Parameter,
  type Stage,
  updateNames,
} from '../../models/index.ts';
import { StateMismatchError } from './errors.ts';
import type { Tensor } from './onnx-runtime.ts';
import type { StateTensor } from './types.ts';

/** Prefix of optimizer state among a block's state tensors. */
const statePrefix = 'optimizer.';

/**
 * What a stage keeps from step to step: parameters, optimizer state, and gradients (which double as accumulators).
 * All of it is updated in place.
 */
export class StageValues {
  readonly parameters = new Map<string, Tensor>();
  /** By name inside the update graph. */
  readonly state = new Map<string, Tensor>();
  /** By parameter. */
  readonly gradients = new Map<string, Tensor>();
  readonly #blocks: readonly Block[];
  readonly #stage: Stage;
  readonly #slots: readonly string[];

  constructor(stage: Stage, blocks: readonly Block[], optimizer: Optimizer, seed: number) {
    this.#stage = stage;
    this.#blocks = blocks;
    this.#slots = optimizer.slots;
    for (const parameter of stage.graph.parameters) {
      const { name, kind } = parameter;
      const { shape } = parameter.type;
      this.parameters.set(name, { shape, data: initialValues(parameter, seed) as Float32Array<ArrayBuffer> });
      if (kind === 'running') continue;
      this.gradients.set(name, zeros(shape));
      for (const slot of optimizer.slots) this.state.set(updateNames.state(name, slot), zeros(shape));
    }
  }

  clearGradients(): void {
    for (const { data } of this.gradients.values()) (data as Float32Array).fill(0);
  }

  /** Copies of all that belongs to one block. */
  ofBlock(block: number): readonly StateTensor[] {
    return this.#namedTensors(block).map(([name, { shape, data }]) => ({ name, shape, data: data.slice() as never }));
  }

  /** @throws StateMismatchError, and then nothing has been changed */
  setBlock(block: number, tensors: readonly StateTensor[]): void {
    const given = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    const own = this.#namedTensors(block);
    for (const [name, { shape }] of own) {
      const tensor = given.get(name);
      if (tensor === undefined) throw new StateMismatchError(block, `'${name}' is missing`);
      if (tensor.shape.join() !== shape.join() || tensor.data.length !== elementCount(shape)) {
        throw new StateMismatchError(
          block,
          `'${name}' has shape [${tensor.shape.join(', ')}], not [${shape.join(', ')}]`,
        );
      }
    }
    const strange = tensors.find(({ name }) => !own.some(([ownName]) => ownName === name));
    if (strange !== undefined) throw new StateMismatchError(block, `'${strange.name}' does not belong to it`);
    for (const [name, { data }] of own) (data as Float32Array).set(given.get(name)!.data);
  }

  #namedTensors(block: number): (readonly [string, Tensor])[] {
    const used = new Set(this.#blocks[block]?.nodes.flatMap((node) => node.inputs));
    const parameters = this.#stage.graph.parameters.filter(({ name }: Parameter) => used.has(name));
    return parameters.flatMap(({ name, kind }) => {
      const slots = kind === 'running' ? [] : this.#slots;
      return [
        [name, this.parameters.get(name)!] as const,
        ...slots.map(
          (slot) => [`${statePrefix}${slot}.${name}`, this.state.get(updateNames.state(name, slot))!] as const,
        ),
      ];
    });
  }
}

function zeros(shape: readonly number[]): Tensor {
  return { shape, data: new Float32Array(elementCount(shape)) };
}
