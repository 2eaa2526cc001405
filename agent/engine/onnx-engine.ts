import {
  accumulatorOf,
  type Block,
  buildModel,
  type Capabilities,
  createOptimizer,
  type Graph,
  type Optimizer,
  portName,
  randomStream,
  type Stage,
  splitIntoBlocks,
  stageOf,
  typeOf,
  updateNames,
} from '../../models/index.ts';
import { NotLoadedError, StashError } from './errors.ts';
import { onnxRuntime, probeCapabilities, type Session, type Tensor } from './onnx-runtime.ts';
import { planMemory } from './parameter-memory.ts';
import { closeSessions, openSessions, type StageSessions } from './stage-sessions.ts';
import { StageValues } from './stage-values.ts';
import { TensorPool } from './tensor-pool.ts';
import type { Computed, Engine, LoadOptions, MicroBatchId, StageDescription, StageSpecification } from './types.ts';

/** A loaded stage: all that the calls below work on. */
interface Loaded {
  readonly specification: StageSpecification;
  readonly stage: Stage;
  readonly sessions: StageSessions;
  readonly values: StageValues;
  readonly optimizer: Optimizer;
  /** What backward will read, by micro-batch: an array, for the reason that `FewMap` (broker) gives. */
  readonly stash: (ReadonlyMap<string, Tensor> | undefined)[];
  readonly pool: TensorPool;
}

export interface OnnxEngineOptions {
  /** Where to write how long each node took: the beginning of the names of JSON files, one a session. */
  readonly profile?: string;
  /** What the engine may use of the processor's abilities; found out when not given. */
  readonly capabilities?: Capabilities;
  /** Whether ONNX Runtime keeps its memory from run to run: true when not given. */
  readonly arena?: boolean;
  /** Awaited between the parts of loading a stage. */
  readonly rest?: () => Promise<void>;
  /** Whether ONNX Runtime's threads wait busily for work: true when not given. */
  readonly spinning?: boolean;
  /** The graph of a specification and its blocks; a model of the zoo when not given. */
  readonly blocksOf?: (specification: StageSpecification) => ModelBlocks;
}

/** A model cut into blocks. */
export interface ModelBlocks {
  readonly graph: Graph;
  readonly blocks: readonly Block[];
}

/**
 * The engine on ONNX Runtime. Its runs block the thread that calls them, so on a board it lives in a worker
 * (`startWorkerEngine`).
 */
export function createOnnxEngine(options: OnnxEngineOptions = {}): Engine {
  let loaded: Loaded | undefined;
  const need = (call: string): Loaded => {
    if (loaded === undefined) throw new NotLoadedError(call);
    return loaded;
  };
  const unload = async (): Promise<void> => {
    const last = loaded;
    loaded = undefined;
    if (last !== undefined) await closeSessions(last.sessions);
  };
  return {
    ...onnxRuntime,
    async load(specification, how = {}) {
      await unload();
      loaded = await loadStage(specification, options, how);
      return describe(loaded);
    },
    forward: (id, input, labels) => forward(need('forward'), id, input, labels),
    backward: (id, outputGradient) => backward(need('backward'), id, outputGradient),
    forwardBackward: (id, input, labels) => forwardBackward(need('forwardBackward'), id, input, labels),
    gradientNorms: () => gradientNorms(need('gradientNorms')),
    update: (step, learningRate, scale) => update(need('update'), step, learningRate, scale),
    getState: async (block) => need('getState').values.ofBlock(block),
    setState: async (block, tensors) => need('setState').values.setBlock(block, tensors),
    unload,
    dispose: unload,
  };
}

async function loadStage(
  specification: StageSpecification,
  options: OnnxEngineOptions,
  { isBlank = false }: LoadOptions,
): Promise<Loaded> {
  const { firstBlock, lastBlock, seed } = specification;
  const { profile, arena, spinning, rest = async () => {}, blocksOf = blocksOfZoo } = options;
  const { graph, blocks } = blocksOf(specification);
  const stage = stageOf(graph, blocks, firstBlock, lastBlock);
  const optimizer = createOptimizer(specification.optimizer.name, specification.optimizer.options);
  const capabilities = options.capabilities ?? (await probeCapabilities());
  await rest();
  const memory = planMemory(stage, capabilities);
  const sessions = await openSessions(stage, specification, {
    optimizer,
    capabilities,
    memory,
    profile,
    arena,
    spinning,
    rest,
  });
  const values = new StageValues({ stage, blocks, optimizer, memory, capabilities, seed: isBlank ? undefined : seed });
  return { specification, stage, sessions, values, optimizer, stash: [], pool: new TensorPool() };
}

function blocksOfZoo({ model, classes, inputShape, cuts, microBatch }: StageSpecification): ModelBlocks {
  const { graph } = buildModel(model, { batch: microBatch, classes, inputShape });
  return { graph, blocks: splitIntoBlocks(graph, cuts) };
}

function describe({ stage, values }: Loaded): StageDescription {
  const { firstBlock, lastBlock } = stage;
  const stageBlocks = Array.from({ length: lastBlock - firstBlock + 1 }, (_, index) => firstBlock + index);
  return {
    inputShape: typeOf(stage.types, stage.input).shape,
    outputShape: stage.isLoss ? [] : typeOf(stage.types, stage.output).shape,
    isFirst: stage.firstBlock === 0,
    isLoss: stage.isLoss,
    parameters: [...stage.gradients.keys()],
    state: new Map(stageBlocks.map((block) => [block, values.layoutOf(block)])),
  };
}

async function forward(
  loaded: Loaded,
  id: MicroBatchId,
  input: Float32Array,
  labels: Int32Array | undefined,
): Promise<Computed<Float32Array>> {
  const { sessions, stage, stash, pool } = loaded;
  const { threads } = loaded.specification;
  const session = required(sessions.forward, 'forward');
  const fed = feedsOf(loaded, id, input, labels);
  if (stash[id.microBatch] !== undefined)
    throw new StashError(id.step, id.microBatch, 'its forward pass has been run already');
  const feeds = withParameters(loaded, session, new Map(fed));
  const { value: results, ...cost } = await timed(threads, () => session.run(feeds, undefined, pool));
  adoptUpdates(loaded, session, results);
  const kept = readByBackward(loaded, new Map([...fed, ...results]));
  stash[id.microBatch] = kept;
  const output = ownedByCaller(loaded, results.get(stage.output)!, kept);
  pool.giveBack(without([...fed.values(), ...results.values()], [...kept.values(), output]));
  return { ...cost, value: output.data as Float32Array };
}

/** Of what forward was fed with and put out: the values that backward reads again. */
function readByBackward({ sessions }: Loaded, values: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  const read = new Set(required(sessions.backward, 'backward').program.inputs.map(({ name }) => name));
  return new Map([...values].filter(([name]) => read.has(name)));
}

/** The caller owns what comes out, so what backward reads again is copied first. */
function ownedByCaller({ pool }: Loaded, output: Tensor, kept: ReadonlyMap<string, Tensor>): Tensor {
  if (without([output], kept.values()).length > 0) return output;
  const copy = pool.take(output.shape);
  (copy.data as Float32Array).set(output.data as Float32Array);
  return copy;
}

/** The tensors that do not lie in the memory of one of `others`. */
function without(tensors: Iterable<Tensor>, others: Iterable<Tensor>): Tensor[] {
  const taken = new Set([...others].map(({ data }) => data.buffer));
  return [...tensors].filter(({ data }) => !taken.has(data.buffer));
}

async function backward(
  loaded: Loaded,
  id: MicroBatchId,
  outputGradient: Float32Array | undefined,
): Promise<Computed<Float32Array | undefined>> {
  const { sessions, stage, stash, pool } = loaded;
  const { threads } = loaded.specification;
  const session = required(sessions.backward, 'backward');
  const kept = stash[id.microBatch];
  if (kept === undefined) throw new StashError(id.step, id.microBatch, 'no forward pass of it is stashed');
  const fed = new Map(kept);
  if (outputGradient !== undefined) {
    const { shape } = typeOf(stage.types, stage.output);
    fed.set(stage.outputGradient, { shape, data: outputGradient });
  }
  const feeds = withParameters(loaded, session, new Map(fed));
  const into = gradientMemory(loaded, session);
  const { value: results, ...cost } = await timed(threads, () => session.run(feeds, into, pool));
  stash[id.microBatch] = undefined;
  pool.giveBack(fed.values());
  return { ...cost, value: inputGradientOf(stage, results)?.data as Float32Array | undefined };
}

async function forwardBackward(loaded: Loaded, id: MicroBatchId, input: Float32Array, labels: Int32Array) {
  const { sessions, stage, pool } = loaded;
  const { threads } = loaded.specification;
  const session = required(sessions.forwardBackward, 'forwardBackward');
  const fed = feedsOf(loaded, id, input, labels);
  const feeds = withParameters(loaded, session, new Map(fed));
  const into = gradientMemory(loaded, session);
  const { value: results, ...cost } = await timed(threads, () => session.run(feeds, into, pool));
  adoptUpdates(loaded, session, results);
  const loss = (results.get(stage.output)!.data as Float32Array)[0]!;
  const inputGradient = inputGradientOf(stage, results);
  const lasting = [...into.values(), ...(inputGradient === undefined ? [] : [inputGradient])];
  pool.giveBack(without([...fed.values(), ...results.values()], lasting));
  return { ...cost, value: { loss, inputGradient: inputGradient?.data as Float32Array | undefined } };
}

async function gradientNorms(loaded: Loaded): Promise<Computed<readonly number[]>> {
  const { norms } = loaded.sessions;
  if (norms === undefined) return { value: [], seconds: 0, cpuSeconds: 0 };
  const { value: results, ...cost } = await timed(loaded.specification.threads, () => norms.run(gradientFeeds(loaded)));
  return { ...cost, value: [...(results.get('squaredNorms')!.data as Float32Array)] };
}

async function update(loaded: Loaded, step: number, learningRate: number, gradientScale = 1): Promise<Computed<void>> {
  const { sessions, values, optimizer } = loaded;
  const name = 'parameters';
  const scalars = new Map<string, Tensor>([[updateNames.gradientScale, scalar(gradientScale)]]);
  for (const [key, value] of Object.entries(optimizer.scalars(step, learningRate))) {
    scalars.set(updateNames.scalar(key), scalar(value));
  }
  return timed(loaded.specification.threads, async () => {
    for (const { parameters, gradients, state } of values.chunks) {
      // New values go where the old ones are: each is read, element by element, before it is written.
      const renewed = new Map([[name, parameters]]);
      for (const [slot, tensor] of state) renewed.set(updateNames.state(name, slot), tensor);
      await sessions.update.run(new Map([...scalars, ...renewed, [updateNames.gradient(name), gradients]]), renewed);
    }
    if (sessions.accumulate) values.clearGradients();
  });
}

/** The values fed at one micro-batch: data, labels, and masks drawn from seed, step, micro-batch and name. */
function feedsOf(
  { stage, specification: { seed } }: Loaded,
  { step, microBatch }: MicroBatchId,
  input: Float32Array,
  labels: Int32Array | undefined,
): Map<string, Tensor> {
  const feeds = new Map<string, Tensor>();
  for (const fed of stage.graph.inputs) {
    const { shape } = typeOf(stage.types, fed.name);
    switch (fed.role) {
      case 'data':
        feeds.set(fed.name, { shape, data: input });
        break;
      case 'target':
        if (labels === undefined) throw new StashError(step, microBatch, 'the loss stage needs labels');
        feeds.set(fed.name, { shape, data: BigInt64Array.from(labels, BigInt) });
        break;
      case 'dropout': {
        const mask = new Float32Array(shape.reduce((product, size) => product * size, 1));
        randomStream(seed, 'dropout', step, microBatch, fed.name).bernoulliMask(mask, fed.keepProbability);
        feeds.set(fed.name, { shape, data: mask });
        break;
      }
      default:
        fed satisfies never;
    }
  }
  return feeds;
}

/** Adds the parameters and the accumulators that a session reads. */
function withParameters({ values, stage }: Loaded, session: Session, feeds: Map<string, Tensor>) {
  const accumulators = new Map(
    [...stage.gradients].map(([parameter, gradient]) => [accumulatorOf(gradient), parameter] as const),
  );
  for (const { name, value } of session.program.inputs) {
    if (feeds.has(name)) continue;
    const accumulated = accumulators.get(value);
    const tensor = accumulated === undefined ? values.parameters.get(value) : values.gradients.get(accumulated);
    if (tensor !== undefined) feeds.set(name, tensor);
  }
  return feeds;
}

/** Gradients are written into the memory that the accumulators are read from. */
function gradientMemory({ stage, values }: Loaded, session: Session): Map<string, Tensor> {
  const ports = new Map(session.program.outputs.map((port) => [port.value, portName(port)]));
  const into = new Map<string, Tensor>();
  for (const [parameter, gradient] of stage.gradients) into.set(ports.get(gradient)!, values.gradients.get(parameter)!);
  return into;
}

function gradientFeeds({ values }: Loaded): Map<string, Tensor> {
  return new Map([...values.gradients].map(([parameter, tensor]) => [updateNames.gradient(parameter), tensor]));
}

/** Running averages take the values that the forward pass computed. */
function adoptUpdates({ stage, values }: Loaded, session: Session, results: ReadonlyMap<string, Tensor>): void {
  const ports = new Map(session.program.outputs.map((port) => [port.value, portName(port)]));
  for (const [parameter, value] of stage.graph.updates) {
    const updated = results.get(ports.get(value)!)!.data as Float32Array;
    (values.parameters.get(parameter)!.data as Float32Array).set(updated);
  }
}

function inputGradientOf(stage: Stage, results: ReadonlyMap<string, Tensor>): Tensor | undefined {
  return stage.inputGradient === undefined ? undefined : results.get(stage.inputGradient)!;
}

function scalar(value: number): Tensor {
  return { shape: [], data: Float32Array.of(value) };
}

function required(session: Session | undefined, kind: string): Session {
  if (session === undefined) throw new NotLoadedError(`${kind} (the stage's schedule does not run it)`);
  return session;
}

async function timed<T>(threads: number, compute: () => Promise<T>): Promise<Computed<T>> {
  const start = performance.now();
  const cpuStart = cpuMicroseconds(threads);
  const value = await compute();
  const cpuSeconds = (cpuMicroseconds(threads) - cpuStart) / 1e6;
  return { value, seconds: (performance.now() - start) / 1000, cpuSeconds };
}

/** With one thread, this thread's own time; with more, the whole process's, as nobody counts the library's threads. */
function cpuMicroseconds(threads: number): number {
  const { user, system } = threads === 1 ? process.threadCpuUsage() : process.cpuUsage();
  return user + system;
}
