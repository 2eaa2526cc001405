import type { Engine, StageSpecification } from '../engine/index.ts';

/** How long each stage is measured. */
export interface MeasureOptions {
  /** Runs are gathered into windows of at least this much computation; a window's mean is one measurement. */
  readonly windowSeconds: number;
  /** Windows at least and at most; between the two `stageSeconds` decides. */
  readonly leastWindows: number;
  readonly mostWindows: number;
  readonly stageSeconds: number;
  /**
   * Between measurements, up to this much computation of random length: where a processor is given in slices, the
   * measured calls would else keep step with them, and one would always meet the end of a slice.
   */
  readonly jitterSeconds?: number;
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

/** Data that a stage is fed with while it is measured. */
interface Feed {
  readonly input: Float32Array<ArrayBuffer>;
  readonly labels: Int32Array<ArrayBuffer> | undefined;
  readonly outputGradient: Float32Array<ArrayBuffer> | undefined;
}

/** Milliseconds. */
const jitterEvery = 5;
/** About what a round of `burn` computes for; by the clock it would end where the processor is given anew. */
const burnSeconds = 2.5e-4;
const burnSteps = 40_000;

/** Gives what it computed, so that it is computed. */
function burn(rounds: number): number {
  let value = 1;
  for (let step = 0; step < rounds * burnSteps; step++) value = value * 0.999999 + 1;
  return value;
}

/**
 * Times the forward and backward pass and the update of the stage that the engine has loaded. The engine computes in
 * this thread (`createOnnxEngine`), so what is fed stays ours. The learning rate is zero: parameters keep their values.
 */
export async function measureStage(
  engine: Engine,
  stage: { readonly inputShape: readonly number[]; readonly outputShape: readonly number[]; readonly isLoss: boolean },
  { classes, microBatch }: Pick<StageSpecification, 'classes' | 'microBatch'>,
  options: MeasureOptions,
): Promise<StageSeconds> {
  const feed: Feed = {
    input: values(stage.inputShape),
    labels: stage.isLoss ? Int32Array.from({ length: microBatch }, (_, index) => index % classes) : undefined,
    outputGradient: stage.isLoss ? undefined : values(stage.outputShape, 1e-3),
  };
  let step = 0;
  const { jitterSeconds = 0 } = options;
  let jittered = 0;
  const jitter = () => {
    if (jitterSeconds === 0 || performance.now() - jittered < jitterEvery) return;
    burn((Math.random() * jitterSeconds) / burnSeconds);
    jittered = performance.now();
  };
  const pair = async () => {
    jitter();
    const id = { step: step++, microBatch: 0 };
    const forward = await engine.forward(id, feed.input, feed.labels);
    const backward = await engine.backward(id, feed.outputGradient);
    return [forward.seconds, backward.seconds] as const;
  };
  const update = async () => {
    jitter();
    return [(await engine.update(step, 0)).seconds] as const;
  };
  await pair();
  await update();
  options.warmedUp?.();
  const [forward, backward] = await windows(pair, options);
  const [updates] = await windows(update, {
    ...options,
    windowSeconds: options.windowSeconds / 2,
    stageSeconds: options.stageSeconds / 4,
  });
  return { forward: forward!, backward: backward!, update: updates! };
}

/** The means of windows of calls, for each of the values that a call gives. */
export async function windows(
  call: () => Promise<readonly number[]>,
  { windowSeconds, leastWindows, mostWindows, stageSeconds, shouldStop }: MeasureOptions,
): Promise<readonly (readonly number[])[]> {
  const means: number[][] = [];
  let total = 0;
  while (means.length < mostWindows && (means.length < leastWindows || total < stageSeconds)) {
    const sums: number[] = [];
    let calls = 0;
    let spent = 0;
    do {
      for (const [index, seconds] of (await call()).entries()) {
        sums[index] = (sums[index] ?? 0) + seconds;
        spent += seconds;
      }
      calls++;
    } while (spent < windowSeconds && shouldStop?.() !== true);
    total += spent;
    means.push(sums.map((sum) => sum / calls));
    if (shouldStop?.() === true) break;
  }
  return (means[0] ?? []).map((_, index) => means.map((window) => window[index]!));
}

/** Values of both signs, so that activations pass some and stop others. */
function values(shape: readonly number[], scale = 1): Float32Array<ArrayBuffer> {
  const count = shape.reduce((product, size) => product * size, 1);
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
