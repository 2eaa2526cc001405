import { elementCount } from '../../models/index.ts';
import type { Engine, StageDescription } from '../engine/index.ts';

/** How long each stage is measured. */
export interface MeasureOptions {
  /**
   * Calls of one kind are made one after another for at least this long; their mean is one measurement. Where the
   * processor is given in slices, this should be several of them.
   */
  readonly windowSeconds: number;
  /** Windows at least and at most; between the two `stageSeconds` decides. */
  readonly leastWindows: number;
  readonly mostWindows: number;
  readonly stageSeconds: number;
  /**
   * Forwards at most before their backwards: a stage of a pipeline has few at a time, and many fill memory that is not
   * in the cache. As many as fit when absent.
   */
  readonly mostInARow?: number;
  /** Called after the first runs, which reserve memory and are not counted. */
  readonly warmedUp?: () => void;
  /** Ends the measurement early, after the run under way. */
  readonly shouldStop?: () => boolean;
}

/** The means of windows, in seconds a call. */
export interface StageSeconds {
  readonly forward: readonly number[];
  readonly backward: readonly number[];
  readonly update: readonly number[];
}

/** A call by its index in the window; gives the seconds that it took. */
export type Call = (index: number) => Promise<number>;

/** The calls of a loaded stage, on made-up values; they are of one step until `nextStep`. */
export interface StageCalls {
  readonly forward: Call;
  readonly backward: Call;
  /** Of the loss stage; each is of a step of its own. */
  readonly forwardBackward: Call;
  /** At a learning rate of zero. */
  readonly update: Call;
  readonly nextStep: () => void;
}

export function stageCalls(engine: Engine, stage: StageDescription, classes: number): StageCalls {
  const { inputShape, outputShape, isLoss } = stage;
  const input = values(inputShape);
  const labels = isLoss ? Int32Array.from({ length: inputShape[0]! }, (_, index) => index % classes) : undefined;
  const outputGradient = isLoss ? undefined : values(outputShape, 1e-3);
  let step = 0;
  return {
    forward: async (microBatch) => (await engine.forward({ step, microBatch }, input, labels)).seconds,
    backward: async (microBatch) => (await engine.backward({ step, microBatch }, outputGradient)).seconds,
    forwardBackward: async () =>
      (await engine.forwardBackward({ step: step++, microBatch: 0 }, input, labels!)).seconds,
    update: async () => (await engine.update(step, 0)).seconds,
    nextStep: () => {
      step++;
    },
  };
}

/** What forward runs keep for as many backward runs may take this much memory, and be so many times their input. */
const mostStashBytes = 256e6;
const stashFactor = 12;
const mostStashed = 512;

/**
 * Times the forward and backward pass and the update of the stage that the engine has loaded. The engine computes in
 * this thread (`createOnnxEngine`), so what is fed stays ours. The learning rate is zero: parameters keep their values.
 */
export async function measureStage(
  engine: Engine,
  stage: StageDescription,
  classes: number,
  options: MeasureOptions,
): Promise<StageSeconds> {
  const { forward, backward, update, nextStep } = stageCalls(engine, stage, classes);
  for (const call of [forward, backward, update]) await call(0);
  const largest = 4 * stashFactor * Math.max(elementCount(stage.inputShape), elementCount(stage.outputShape));
  const { mostInARow = mostStashed } = options;
  const most = Math.max(1, Math.min(mostInARow, Math.floor(mostStashBytes / largest)));
  const pair = async () => {
    nextStep();
    const there = await runCalls(forward, options, most);
    const back = await runCalls(
      backward,
      { ...options, windowSeconds: Number.POSITIVE_INFINITY, shouldStop: never },
      there.calls,
    );
    return [there, back];
  };
  // The first time that so many are stashed, memory is got for them.
  await pair();
  options.warmedUp?.();
  const pairs = await windows(options, pair);
  const updates = await windows({ ...options, stageSeconds: options.stageSeconds / 4 }, async () => [
    await runCalls(update, options),
  ]);
  return {
    forward: pairs.map(([there]) => there!.mean),
    backward: pairs.map(([, back]) => back!.mean),
    update: updates.map(([own]) => own!.mean),
  };
}

const never = () => false;

interface Run {
  readonly mean: number;
  readonly calls: number;
}

/** Calls until the window is full. */
export async function runCalls(
  call: Call,
  { windowSeconds, shouldStop = never }: Pick<MeasureOptions, 'windowSeconds' | 'shouldStop'>,
  mostCalls = Number.POSITIVE_INFINITY,
): Promise<Run> {
  let spent = 0;
  let calls = 0;
  do {
    spent += await call(calls);
    calls++;
  } while (spent < windowSeconds && calls < mostCalls && !shouldStop());
  return { mean: spent / calls, calls };
}

/** Windows of runs, as many as the options say. */
export async function windows(
  { leastWindows, mostWindows, stageSeconds, shouldStop = never }: MeasureOptions,
  window: () => Promise<readonly Run[]>,
): Promise<readonly (readonly Run[])[]> {
  const all: (readonly Run[])[] = [];
  let spent = 0;
  while (all.length < mostWindows && (all.length < leastWindows || spent < stageSeconds)) {
    const runs = await window();
    all.push(runs);
    spent += runs.reduce((sum, { mean, calls }) => sum + mean * calls, 0);
    if (shouldStop()) break;
  }
  return all;
}

/** Values of both signs, so that activations pass some and stop others. */
function values(shape: readonly number[], scale = 1): Float32Array<ArrayBuffer> {
  const count = elementCount(shape);
  const data = new Float32Array(count);
  for (let index = 0; index < count; index++) data[index] = scale * Math.sin(index * 0.7 + (index % 13));
  return data;
}

const copiedBytes = 32 << 20;

/** Bytes a second of a copy between two arrays that are larger than a cache. */
export function copyRate(seconds: number): number {
  const from = new Uint8Array(copiedBytes).fill(1);
  const to = new Uint8Array(copiedBytes).fill(2);
  let best = Number.POSITIVE_INFINITY;
  const start = performance.now();
  do {
    const before = performance.now();
    to.set(from);
    best = Math.min(best, performance.now() - before);
  } while (performance.now() - start < 1000 * seconds);
  return (1000 * copiedBytes) / best;
}
