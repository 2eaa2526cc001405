import {
  type Block,
  type Capabilities,
  elementCount,
  initialValues,
  type Optimizer,
  type Parameter,
  pack,
  type Shape,
  type Stage,
  stateOfBlock,
  unpack,
} from '../../models/index.ts';
import { StateMismatchError } from './errors.ts';
import type { Tensor } from './onnx-runtime.ts';
import { type ParameterMemory, zeros } from './parameter-memory.ts';
import type { StateTensor } from './types.ts';

type Vector = Float32Array<ArrayBuffer>;

/** One tensor of the state as others see it, by name and plain shape, and the memory that holds it. */
interface Held {
  readonly name: string;
  readonly parameter: Parameter;
  readonly memory: Vector;
}

/** What the values of a stage are made from. */
export interface StageValuesNeeds {
  readonly stage: Stage;
  readonly blocks: readonly Block[];
  readonly optimizer: Optimizer;
  readonly memory: ParameterMemory;
  readonly capabilities: Capabilities;
  /** Of the initial values; all are zero where it is undefined. */
  readonly seed: number | undefined;
}

/**
 * What a stage keeps from step to step: parameters, optimizer state, and gradients (which double as accumulators), in
 * the layouts in which the programs read them. All of it is updated in place.
 */
export class StageValues {
  /** Of trainable and running parameters, by name. */
  readonly parameters: Map<string, Tensor>;
  /** By parameter. */
  readonly gradients: ReadonlyMap<string, Tensor>;
  /** Chunks of the vectors of parameters, gradients and optimizer state (by slot). */
  readonly chunks: readonly { parameters: Tensor; gradients: Tensor; state: ReadonlyMap<string, Tensor> }[];
  readonly #needs: StageValuesNeeds;
  readonly #gradients: Vector;
  readonly #state: ReadonlyMap<string, ReadonlyMap<string, Tensor>>;

  constructor(needs: StageValuesNeeds) {
    const { stage, memory, optimizer, capabilities, seed } = needs;
    this.#needs = needs;
    const vector = (): Vector => new Float32Array(memory.length);
    const parameters = vector();
    const state = new Map(optimizer.slots.map((slot) => [slot, vector()]));
    this.#gradients = vector();
    this.parameters = new Map(memory.over(parameters));
    this.gradients = memory.over(this.#gradients);
    this.#state = new Map([...state].map(([slot, values]) => [slot, memory.over(values)]));
    const [ofGradients, ofState] = [
      memory.chunksOf(this.#gradients),
      [...state].map(([slot, values]) => [slot, memory.chunksOf(values)] as const),
    ];
    this.chunks = memory.chunksOf(parameters).map((chunk, index) => ({
      parameters: chunk,
      gradients: ofGradients[index]!,
      state: new Map(ofState.map(([slot, chunks]) => [slot, chunks[index]!])),
    }));
    for (const parameter of stage.graph.parameters) {
      const { name, kind, type } = parameter;
      if (kind === 'running') this.parameters.set(name, zeros(type.shape, this.#packingOf(name), capabilities));
      if (seed !== undefined) {
        this.#write({ name, parameter, memory: this.#memoryOf(name) }, initialValues(parameter, seed));
      }
    }
  }

  clearGradients(): void {
    this.#gradients.fill(0);
  }

  /** The names and shapes of all that belongs to one block. */
  layoutOf(block: number): readonly { readonly name: string; readonly shape: Shape }[] {
    return this.#heldBy(block).map(({ name, parameter }) => ({ name, shape: parameter.type.shape }));
  }

  /** Copies of all that belongs to one block, in row-major order, one behind the other in one buffer. */
  ofBlock(block: number): readonly StateTensor[] {
    const { channelBlock } = this.#needs.capabilities;
    const held = this.#heldBy(block);
    const counts = held.map(({ parameter }) => elementCount(parameter.type.shape));
    const all = new Float32Array(counts.reduce((sum, count) => sum + count, 0));
    let end = 0;
    return held.map(({ name, parameter, memory }, index) => {
      const { shape } = parameter.type;
      const data = all.subarray(end, end + counts[index]!);
      end += data.length;
      unpack(memory, data, shape, this.#packingOf(parameter.name), channelBlock);
      return { name, shape, data };
    });
  }

  /** @throws StateMismatchError, and then nothing has been changed */
  setBlock(block: number, tensors: readonly StateTensor[]): void {
    const given = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    const own = this.#heldBy(block);
    for (const { name, parameter } of own) checkShape(block, name, parameter.type.shape, given.get(name));
    const strange = tensors.find(({ name }) => !own.some((held) => held.name === name));
    if (strange !== undefined) throw new StateMismatchError(block, `'${strange.name}' does not belong to it`);
    for (const held of own) this.#write(held, given.get(held.name)!.data);
  }

  #write({ parameter, memory }: Held, values: Float32Array): void {
    const { channelBlock } = this.#needs.capabilities;
    pack(values, memory, parameter.type.shape, this.#packingOf(parameter.name), channelBlock);
  }

  #heldBy(block: number): readonly Held[] {
    const { blocks, stage, optimizer } = this.#needs;
    const own = blocks[block];
    if (own === undefined) return [];
    return stateOfBlock(stage.graph.parameters, own, optimizer.slots).map(({ name, parameter, slot }) => ({
      name,
      parameter,
      memory: slot === undefined ? this.#memoryOf(parameter.name) : this.#stateOf(slot, parameter.name),
    }));
  }

  #stateOf(slot: string, parameter: string): Vector {
    return this.#state.get(slot)!.get(parameter)!.data as Vector;
  }

  #memoryOf(parameter: string): Vector {
    return this.parameters.get(parameter)!.data as Vector;
  }

  #packingOf(parameter: string) {
    return this.#needs.memory.layouts.get(parameter) ?? 'plain';
  }
}

function checkShape(block: number, name: string, shape: Shape, tensor: StateTensor | undefined): void {
  if (tensor === undefined) throw new StateMismatchError(block, `'${name}' is missing`);
  if (tensor.shape.join() !== shape.join() || tensor.data.length !== elementCount(shape)) {
    throw new StateMismatchError(block, `'${name}' has shape [${tensor.shape.join(', ')}], not [${shape.join(', ')}]`);
  }
}
