import type { Cuts } from '../../models/index.ts';

/** What an engine is asked to compute: a run of blocks of a model of the zoo, at a micro-batch size. Plain data. */
export interface StageSpecification {
  readonly model: string;
  readonly classes: number;
  /** Shape of one sample, without the batch. */
  readonly inputShape: readonly number[];
  /** Between which cuts the blocks lie; 'single' where absent. */
  readonly cuts?: Cuts;
  /** Samples a micro-batch. */
  readonly microBatch: number;
  readonly microBatches: number;
  readonly firstBlock: number;
  readonly lastBlock: number;
  /** Whether the loss stage runs forward and backward as one (`FB` in its schedule). */
  readonly fused: boolean;
  readonly optimizer: { readonly name: string; readonly options: Readonly<Record<string, number>> };
  readonly seed: number;
  /** Threads of one operation; 0 leaves it to the engine. */
  readonly threads: number;
}

/** How a stage is loaded. Plain data. */
export interface LoadOptions {
  /** All of its state will be set: it begins with zeros instead of the model's initial values. */
  readonly isBlank?: boolean;
  /** How an engine in a thread of its own is loaded and warmed up while others compute. The first update ends it. */
  readonly beside?: BesideOptions;
}

export interface BesideOptions {
  /** The part of the board's processor time that it takes until its first update; as much as it gets when not given. */
  readonly loadingShare?: number;
  /** Processors that the board may use on average, where it is held to a quota; one when not given. */
  readonly cores?: number;
  /** The thread has the lowest priority until then. */
  readonly yields?: boolean;
}

/** What a loaded stage is like. */
export interface StageDescription {
  readonly inputShape: readonly number[];
  /** Of the activation that leaves; [] where it is the loss. */
  readonly outputShape: readonly number[];
  readonly isFirst: boolean;
  readonly isLoss: boolean;
  /** Trainable parameters in their order, which is the order of `gradientNorms`. */
  readonly parameters: readonly string[];
  /** The tensors that `getState` gives, by block. */
  readonly state: ReadonlyMap<number, readonly Omit<StateTensor, 'data'>[]>;
}

export interface MicroBatchId {
  readonly step: number;
  readonly microBatch: number;
}

/** A result and what its computation took, without any waiting for the call's turn. */
export interface Computed<T> {
  readonly value: T;
  /** By the clock. */
  readonly seconds: number;
  /** Of a processor: less than `seconds` where other processes had it meanwhile. */
  readonly cpuSeconds: number;
}

/** A parameter or a tensor of optimizer state (`optimizer.SLOT.PARAMETER`). */
export interface StateTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Computes one stage. Calls come one at a time, in the order of a schedule. Arrays that go in belong to the engine
 * from then on, arrays that come out to the caller: they may move, or be shared, between threads, and be written again.
 */
export interface Engine {
  readonly name: string;
  readonly version: string;
  load(specification: StageSpecification, options?: LoadOptions): Promise<StageDescription>;
  /** input [N, …] → activation [N, …], or the loss [1]; labels only on the loss stage. Keeps what backward reads. */
  forward(id: MicroBatchId, input: Float32Array, labels?: Int32Array): Promise<Computed<Float32Array>>;
  /** Adds to the gradients; gives the gradient of the stage's input, or undefined on the first stage. */
  backward(id: MicroBatchId, outputGradient?: Float32Array): Promise<Computed<Float32Array | undefined>>;
  /** Both at once, on the loss stage. */
  forwardBackward(
    id: MicroBatchId,
    input: Float32Array,
    labels: Int32Array,
  ): Promise<Computed<{ readonly loss: number; readonly inputGradient: Float32Array | undefined }>>;
  /** The sum of squares of each parameter's accumulated gradient. */
  gradientNorms(): Promise<Computed<readonly number[]>>;
  /** One optimizer step with the accumulated gradients, which are zero afterwards. */
  update(step: number, learningRate: number, gradientScale?: number): Promise<Computed<void>>;
  /** Parameters and optimizer state of one block (its index in the model), one behind the other in one buffer. */
  getState(block: number): Promise<readonly StateTensor[]>;
  /** @throws StateMismatchError where names or shapes are not this block's */
  setState(block: number, tensors: readonly StateTensor[]): Promise<void>;
  /** Frees the stage, and can load another. */
  unload(): Promise<void>;
  /** Frees everything; further calls reject. */
  dispose(): Promise<void>;
}
