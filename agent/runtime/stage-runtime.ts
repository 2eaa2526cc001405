import type { LinkSender, ReceivedTensor, TensorMemory } from '../../broker/index.ts';
import { elementCount } from '../../models/index.ts';
import type { Instruction, StageInstructions } from '../../planner/index.ts';
import { codecOf, plainCodecs } from '../codec/index.ts';
import type { Computed, Engine, StageDescription } from '../engine/index.ts';
import { createLossLedger, type LossLedger, type StageCodecs } from './codecs.ts';
import { LossNotFiniteError, UnexpectedTensorError } from './errors.ts';
import type { Inbox } from './inbox.ts';

/** Where stage 0 reads its samples. */
export interface SampleSource {
  read(step: number, microBatch: number, microBatches: number): { images: Float32Array; labels: Int32Array };
}

export interface StageRuntimeNeeds {
  readonly engine: Engine;
  readonly stage: StageDescription;
  readonly instructions: StageInstructions;
  readonly microBatches: number;
  readonly samplesPerMicroBatch: number;
  readonly inbox: Inbox;
  /** How what is sent is encoded; as it is where absent. */
  readonly codecs?: StageCodecs | undefined;
  /** Where tensors go that were sent, and come from that are received. */
  readonly memory: TensorMemory;
  /** Only on stage 0. */
  readonly samples?: SampleSource | undefined;
  readonly next?: LinkSender | undefined;
  readonly previous?: LinkSender | undefined;
  /** From stage 0 to the loss stage, for labels. */
  readonly loss?: LinkSender | undefined;
  readonly learningRate: (step: number) => number;
  /** Asks the coordinator for the factor of all gradients; only where the optimizer clips. */
  readonly gradientScale?:
    | ((step: number, squaredNorms: readonly number[], signal: AbortSignal) => Promise<number>)
    | undefined;
}

/** What one step was like on one stage. Seconds of the loop by the clock, computation in processor time. */
export interface StepOutcome {
  readonly loss: number | null;
  readonly computeSeconds: number;
  readonly waitSeconds: number;
  /** What encoding lost; of the links that encode. */
  readonly quantisation: LossLedger['found'];
}

/** The state of one step while its instructions are carried out. */
interface StepProgress {
  readonly step: number;
  /** Aborts when the caller's does, and when a send fails: nobody may go on waiting for an answer to it. */
  readonly signal: AbortSignal;
  readonly failed: AbortController;
  readonly activations: Map<number, Float32Array>;
  readonly outputs: Map<number, Float32Array>;
  readonly outputGradients: Map<number, Float32Array>;
  readonly inputGradients: Map<number, Float32Array>;
  readonly labels: Map<number, Int32Array>;
  readonly losses: number[];
  readonly sends: Promise<void>[];
  readonly ledger: LossLedger;
  computeSeconds: number;
  waitSeconds: number;
}

type Executor = (needs: StageRuntimeNeeds, progress: StepProgress, microBatch: number) => Promise<void>;

/** Carries out the instructions of one step, one after another; sends go on beside the computation. */
export async function runStep(needs: StageRuntimeNeeds, step: number, signal: AbortSignal): Promise<StepOutcome> {
  // Not `AbortSignal.any`: what it makes lasts until everything is collected, and with it what hangs on it.
  const failed = new AbortController();
  const onAbort = (): void => failed.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const outcome = await carryOut(needs, beginningOf(step, failed));
  // Of a step that fails, sends are still under way: they end with the caller's signal.
  signal.removeEventListener('abort', onAbort);
  return outcome;
}

function beginningOf(step: number, failed: AbortController): StepProgress {
  return {
    step,
    signal: failed.signal,
    failed,
    activations: new Map(),
    outputs: new Map(),
    outputGradients: new Map(),
    inputGradients: new Map(),
    labels: new Map(),
    losses: [],
    sends: [],
    ledger: createLossLedger(),
    computeSeconds: 0,
    waitSeconds: 0,
  };
}

async function carryOut(needs: StageRuntimeNeeds, progress: StepProgress): Promise<StepOutcome> {
  needs.inbox.forgetBefore(progress.step - 1);
  for (const instruction of needs.instructions) {
    progress.signal.throwIfAborted();
    await executors[instruction.kind](needs, progress, 'microBatch' in instruction ? instruction.microBatch : 0);
  }
  await waited(progress, Promise.all(progress.sends));
  const { losses, computeSeconds, waitSeconds } = progress;
  const loss = losses.length === 0 ? null : losses.reduce((sum, each) => sum + each, 0) / losses.length;
  return { loss, computeSeconds, waitSeconds, quantisation: progress.ledger.found };
}

const executors: Record<Instruction['kind'], Executor> = {
  async receiveActivation(needs, progress, microBatch) {
    const values = await receive(needs, progress, 'activation', microBatch, needs.stage.inputShape);
    progress.activations.set(microBatch, values);
  },
  async receiveGradient(needs, progress, microBatch) {
    const values = await receive(needs, progress, 'gradient', microBatch, needs.stage.outputShape);
    progress.outputGradients.set(microBatch, values);
  },
  async forward(needs, progress, microBatch) {
    const { input, labels } = await inputsOf(needs, progress, microBatch);
    const id = { step: progress.step, microBatch };
    const value = count(progress, await needs.engine.forward(id, input, labels));
    if (needs.stage.isLoss) keepLoss(progress, microBatch, value[0]!);
    else progress.outputs.set(microBatch, value);
  },
  async backward(needs, progress, microBatch) {
    const id = { step: progress.step, microBatch };
    const outputGradient = takeFrom(progress.outputGradients, microBatch);
    const gradient = count(progress, await needs.engine.backward(id, outputGradient));
    if (gradient !== undefined) progress.inputGradients.set(microBatch, gradient);
  },
  async forwardBackward(needs, progress, microBatch) {
    const { input, labels } = await inputsOf(needs, progress, microBatch);
    const id = { step: progress.step, microBatch };
    const value = count(progress, await needs.engine.forwardBackward(id, input, labels!));
    keepLoss(progress, microBatch, value.loss);
    if (value.inputGradient !== undefined) progress.inputGradients.set(microBatch, value.inputGradient);
  },
  async sendActivation(needs, progress, microBatch) {
    const values = takeFrom(progress.outputs, microBatch)!;
    startSend(needs, progress, needs.next!, 'activation', microBatch, needs.stage.outputShape, values);
  },
  async sendGradient(needs, progress, microBatch) {
    const values = takeFrom(progress.inputGradients, microBatch)!;
    startSend(needs, progress, needs.previous!, 'gradient', microBatch, needs.stage.inputShape, values);
  },
  async update(needs, progress) {
    const { engine, gradientScale, learningRate } = needs;
    let scale = 1;
    if (gradientScale !== undefined) {
      const norms = count(progress, await engine.gradientNorms());
      scale = await waited(progress, gradientScale(progress.step, norms, progress.signal));
    }
    count(progress, await engine.update(progress.step, learningRate(progress.step), scale));
  },
};

/** Stage 0 reads samples (and sends the labels ahead to the loss stage); the others use what they received. */
async function inputsOf(needs: StageRuntimeNeeds, progress: StepProgress, microBatch: number) {
  const { stage, samples, microBatches, inbox } = needs;
  if (stage.isFirst) {
    const { images, labels } = samples!.read(progress.step, microBatch, microBatches);
    if (needs.loss !== undefined) sendLabels(needs.loss, progress, microBatch, labels);
    return { input: images, labels: stage.isLoss ? labels : undefined };
  }
  const input = takeFrom(progress.activations, microBatch)!;
  if (!stage.isLoss) return { input, labels: undefined };
  const tensor = await waited(progress, inbox.take('labels', progress.step, microBatch, progress.signal));
  return { input, labels: readLabels(tensor, needs.samplesPerMicroBatch) };
}

function sendLabels(link: LinkSender, progress: StepProgress, microBatch: number, labels: Int32Array): void {
  const meta = {
    kind: 'labels',
    step: progress.step,
    microBatch,
    slot: 0,
    dtype: 'int32',
    shape: [labels.length],
  } as const;
  const bytes = new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength);
  track(progress, link.send(meta, bytes, progress.signal));
}

function readLabels(tensor: ReceivedTensor, count: number): Int32Array {
  try {
    if (tensor.meta.dtype !== 'int32' || tensor.payload.length !== 4 * count) {
      throw new UnexpectedTensorError('labels', tensor.meta.from, `${tensor.payload.length} bytes for ${count} labels`);
    }
    return new Int32Array(tensor.payload.slice().buffer);
  } finally {
    tensor.release();
  }
}

async function receive(
  { inbox, memory }: StageRuntimeNeeds,
  progress: StepProgress,
  kind: 'activation' | 'gradient',
  microBatch: number,
  shape: readonly number[],
): Promise<Float32Array> {
  const tensor = await waited(progress, inbox.take(kind, progress.step, microBatch, progress.signal));
  try {
    const { meta, payload } = tensor;
    if (meta.shape.join() !== shape.join()) {
      throw new UnexpectedTensorError(kind, meta.from, `shape [${meta.shape.join(', ')}], not [${shape.join(', ')}]`);
    }
    const values = codecOf(meta.codec).decode(payload, elementCount(shape), memory);
    // Raw values lie in the payload's own memory, which goes on to the engine.
    if (values.buffer === payload.buffer) tensor.keep();
    return values;
  } finally {
    tensor.release();
  }
}

function startSend(
  { codecs, memory }: StageRuntimeNeeds,
  progress: StepProgress,
  link: LinkSender,
  kind: 'activation' | 'gradient',
  microBatch: number,
  shape: readonly number[],
  values: Float32Array,
): void {
  const { step } = progress;
  const encodes = codecs !== undefined && step >= codecs.warmUpSteps;
  const chosen = encodes ? codecs[kind] : plainCodecs.float32;
  const seed = encodes ? codecs.seedOf(kind, step, microBatch) : 0;
  const { codec, payload, ...lost } = chosen.encode(values, { memory, seed, microBatch });
  if (encodes) progress.ledger.add(link.to, lost);
  if (payload.buffer !== values.buffer) memory.giveBack(values.buffer);
  const meta = {
    kind,
    step,
    microBatch,
    slot: 0,
    dtype: 'float32',
    shape,
    codec,
  } as const;
  const sent = link.send(meta, payload, progress.signal);
  track(
    progress,
    sent.then(() => memory.giveBack(payload.buffer)),
  );
}

function track(progress: StepProgress, send: Promise<void>): void {
  send.catch((error) => progress.failed.abort(error));
  progress.sends.push(send);
}

function keepLoss(progress: StepProgress, microBatch: number, loss: number): void {
  if (!Number.isFinite(loss)) throw new LossNotFiniteError(progress.step, microBatch, loss);
  progress.losses.push(loss);
}

function count<T>(progress: StepProgress, { value, cpuSeconds }: Computed<T>): T {
  progress.computeSeconds += cpuSeconds;
  return value;
}

async function waited<T>(progress: StepProgress, promise: Promise<T>): Promise<T> {
  const start = performance.now();
  const value = await promise;
  progress.waitSeconds += (performance.now() - start) / 1000;
  return value;
}

function takeFrom<T>(map: Map<number, T>, microBatch: number): T | undefined {
  const value = map.get(microBatch);
  map.delete(microBatch);
  return value;
}
