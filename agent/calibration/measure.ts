import type { Engine, StageSpecification } from '../engine/index.ts';

/** How long each stage is measured. */
export interface MeasureOptions {
  /** Runs are gathered into windows of at least this much computation; a window's mean is one measurement. */
  readonly windowSeconds: number;
  /** Windows at least and at most; between the two `stageSeconds` decides. */
  readonly leastWindows: number;
  readonly mostWindows: number;
  readonly stageSeconds: number;
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
  const pair = async () => {
    const id = { step: step++, microBatch: 0 };
    const forward = await engine.forward(id, feed.input, feed.labels);
    const backward = await engine.backward(id, feed.outputGradient);
    return [forward.seconds, backward.seconds] as const;
  };
  const update = async () => [(await engine.update(step, 0)).seconds] as const;
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
