import { type Engine, type MicroBatchId, plainCodecs, type StageDescription } from '../../../agent/index.ts';
import { Inbox } from '../../../agent/runtime/inbox.ts';
import type { SampleSource, StageRuntimeNeeds } from '../../../agent/runtime/stage-runtime.ts';
import type {
  LinkSender,
  LinkStats,
  ReceivedMeta,
  ReceivedTensor,
  TensorMemory,
  TensorMeta,
} from '../../../broker/index.ts';
import { buildSchedule, type ScheduleName } from '../../../planner/index.ts';

export const samplesPerMicroBatch = 2;
const features = 3;
const activationShape = [samplesPerMicroBatch, features];
const values = samplesPerMicroBatch * features;

/** A tensor as a link hands it over; tests change what they are about. */
export function receivedTensor(
  meta: Partial<ReceivedMeta> = {},
  content: Float32Array | Int32Array | Uint8Array = new Float32Array(values),
): ReceivedTensor & { readonly releases: number; readonly isKept: boolean } {
  let releases = 0;
  let isKept = false;
  return {
    meta: {
      kind: 'activation',
      step: 0,
      microBatch: 0,
      slot: 0,
      name: '',
      dtype: 'float32',
      shape: activationShape,
      codec: { id: plainCodecs.float32.id, params: plainCodecs.float32.params },
      run: 'run-1',
      term: 1,
      from: 'board1',
      to: 'board2',
      sequence: 0,
      ...meta,
    },
    // A buffer of its own, as codecs may take it over.
    payload: new Uint8Array(new Uint8Array(content.buffer, content.byteOffset, content.byteLength)),
    release() {
      if (!isKept) releases += 1;
    },
    keep() {
      isKept = true;
    },
    get releases() {
      return releases;
    },
    get isKept() {
      return isKept;
    },
  };
}

export interface SentTensor {
  readonly meta: TensorMeta;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface MemoryLink extends LinkSender {
  readonly sent: readonly SentTensor[];
}

const noTraffic: LinkStats = {
  tensors: 0,
  frames: 0,
  tagged: 0,
  bytesSent: 0,
  bytesReceived: 0,
  refused: {},
  resent: 0,
  reconnects: 0,
  seconds: { copy: 0, digest: 0, sign: 0, verify: 0 },
  creditWaitSeconds: 0,
  busySeconds: 0,
};

/**
 * A link of two ends in one process: what is sent is copied, waits at `gate` where there is one, and lies in `inbox`
 * then, where there is one.
 */
export function memoryLink({
  from = 'board1',
  to = 'board2',
  inbox,
  gate = async () => {},
}: {
  readonly from?: string;
  readonly to?: string;
  readonly inbox?: Inbox;
  readonly gate?: (tensor: SentTensor, signal: AbortSignal | undefined) => Promise<void>;
} = {}): MemoryLink {
  const sent: SentTensor[] = [];
  return {
    from,
    to,
    sent,
    async send(meta, payload, signal) {
      const bytes = new Uint8Array(new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength));
      const tensor = { meta, bytes };
      const sequence = sent.push(tensor) - 1;
      await gate(tensor, signal);
      inbox?.put({ ...receivedTensor({ ...meta, from, to, sequence } as ReceivedMeta), payload: bytes });
    },
    async join() {},
    setTerm() {},
    ended: new Promise(() => {}),
    stats: noTraffic,
    async close() {},
  };
}

export interface FakeEngine extends Engine {
  /** What it was asked for, as a schedule prints it: `F0`, `B1`, `FB2`, `N`, `U`. */
  readonly calls: readonly string[];
  readonly updates: readonly { readonly step: number; readonly rate: number; readonly scale: number | undefined }[];
  readonly labels: ReadonlyMap<number, Int32Array>;
  /** The gradients that backward was given, by micro-batch. */
  readonly outputGradients: ReadonlyMap<number, readonly number[]>;
}

export interface FakeEngineOptions {
  /** What the loss of a micro-batch is; the sum of the input plus that of the labels where not given. */
  readonly loss?: (id: MicroBatchId) => number;
  readonly norms?: readonly number[];
  /** Called before each answer: for tests that look at what goes on meanwhile. */
  readonly during?: (call: string) => Promise<void> | void;
}

/** Processor seconds that each call of the fake engine says it took. */
export const callSeconds = 0.25;

/** Doubles what goes through it, forward and backward. `isFirst` gives no input gradient. */
export function fakeEngine(
  { isFirst, isLoss }: Pick<StageDescription, 'isFirst' | 'isLoss'>,
  { loss, norms = [], during = () => {} }: FakeEngineOptions = {},
): FakeEngine {
  const calls: string[] = [];
  const updates: { step: number; rate: number; scale: number | undefined }[] = [];
  const labelsSeen = new Map<number, Int32Array>();
  const outputGradients = new Map<number, readonly number[]>();
  const doubled = (from: Float32Array) => from.map((value) => 2 * value) as Float32Array<ArrayBuffer>;
  const sum = (of: Iterable<number>) => [...of].reduce((total, each) => total + each, 0);
  async function answer<T>(call: string, value: T) {
    calls.push(call);
    await during(call);
    return { value, seconds: callSeconds, cpuSeconds: callSeconds };
  }
  const lossOf = (id: MicroBatchId, input: Float32Array, labels: Int32Array | undefined) => {
    if (labels !== undefined) labelsSeen.set(id.microBatch, labels);
    return loss?.(id) ?? sum(input) + sum(labels ?? []);
  };
  return {
    name: 'fake',
    version: '0',
    calls,
    updates,
    labels: labelsSeen,
    outputGradients,
    load: () => Promise.reject(new Error('the fake engine needs no loading')),
    forward(id, input, labels) {
      const value = isLoss ? Float32Array.of(lossOf(id, input, labels)) : doubled(input);
      return answer(`F${id.microBatch}`, value);
    },
    backward(id, outputGradient) {
      if (outputGradient !== undefined) outputGradients.set(id.microBatch, [...outputGradient]);
      const from = outputGradient ?? new Float32Array(values).fill(1);
      return answer(`B${id.microBatch}`, isFirst ? undefined : doubled(from));
    },
    forwardBackward(id, input, labels) {
      const inputGradient = isFirst ? undefined : new Float32Array(values).fill(1 + id.microBatch);
      return answer(`FB${id.microBatch}`, { loss: lossOf(id, input, labels), inputGradient });
    },
    gradientNorms: () => answer('N', norms),
    update(step, rate, scale) {
      updates.push({ step, rate, scale });
      return answer('U', undefined);
    },
    getState: async () => [],
    setState: async () => {},
    async unload() {},
    async dispose() {},
  };
}

export interface FakeMemory extends TensorMemory {
  readonly givenBack: readonly ArrayBufferLike[];
}

export function fakeMemory(): FakeMemory {
  const givenBack: ArrayBufferLike[] = [];
  return { givenBack, take: (bytes) => new ArrayBuffer(bytes), giveBack: (buffer) => void givenBack.push(buffer) };
}

/** Images whose values tell the micro-batch, and labels 10 k, 10 k + 1 of micro-batch k. */
export const samples: SampleSource = {
  read: (_step, microBatch) => ({
    images: new Float32Array(values).fill(1 + microBatch),
    labels: Int32Array.from({ length: samplesPerMicroBatch }, (_, row) => 10 * microBatch + row),
  }),
};

export interface StageOptions extends Partial<StageRuntimeNeeds> {
  /** Place in the pipeline and its length. */
  readonly index?: number;
  readonly stages?: number;
  readonly schedule?: ScheduleName;
  readonly fake?: FakeEngineOptions;
}

export type FakeStage = StageRuntimeNeeds & { readonly engine: FakeEngine; readonly memory: FakeMemory };

/** What one stage of a pipeline needs, its links left out where they are not given. */
export function stageNeeds(options: StageOptions = {}): FakeStage {
  const { index = 0, stages = 1, schedule = '1f1b', fake, microBatches = 2, ...overrides } = options;
  const isFirst = index === 0;
  const isLoss = index === stages - 1;
  return {
    engine: fakeEngine({ isFirst, isLoss }, fake),
    stage: {
      inputShape: activationShape,
      outputShape: isLoss ? [] : activationShape,
      isFirst,
      isLoss,
      parameters: ['weight'],
    },
    instructions: buildSchedule(schedule, stages, microBatches)[index]!,
    microBatches,
    samplesPerMicroBatch,
    inbox: new Inbox(32),
    memory: fakeMemory(),
    samples: isFirst ? samples : undefined,
    learningRate: (step) => 0.1 / (1 + step),
    ...overrides,
  } as FakeStage;
}

/** All stages of a pipeline in one process, linked by memory. */
export function pipeline(stages: number, options: Omit<StageOptions, 'index' | 'stages'> = {}): readonly FakeStage[] {
  const inboxes = Array.from({ length: stages }, () => new Inbox(32));
  const board = (index: number) => `board${index + 1}`;
  const link = (from: number, to: number) =>
    to < 0 || to >= stages || from === to
      ? undefined
      : memoryLink({ from: board(from), to: board(to), inbox: inboxes[to]! });
  return inboxes.map((inbox, index) =>
    stageNeeds({
      ...options,
      index,
      stages,
      inbox,
      next: link(index, index + 1),
      previous: link(index, index - 1),
      loss: index === 0 ? link(0, stages - 1) : undefined,
    }),
  );
}

/** Lets everything go on that waits for nothing from outside. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Whether a promise is still open once everything that can go on has gone on. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let open = true;
  promise.then(
    () => {
      open = false;
    },
    () => {
      open = false;
    },
  );
  await settle();
  return open;
}
