import { count, finite, type Json, json, list, object, type Reader, size, table, text } from './json.ts';

/** Everything but tensors that a run needs to go on as if it had never stopped. Plain JSON. */
export interface RunState {
  /** Id of the run. */
  readonly run: string;
  readonly model: {
    readonly name: string;
    readonly classes: number;
    /** Shape of one sample, without the batch. */
    readonly inputShape: readonly number[];
  };
  readonly data: {
    /** What the user called it: a directory, or the name of a generated data set. */
    readonly source: string;
    /** The name of each class, in the order of the labels. */
    readonly classes: readonly string[];
    readonly normalization: { readonly mean: readonly number[]; readonly std: readonly number[] };
  };
  readonly seed: number;
  /** Optimizer steps done; the run goes on with the step of this number, counted from 0. */
  readonly step: number;
  readonly totalSteps: number;
  readonly samplesSeen: number;
  readonly optimizer: { readonly name: string; readonly options: Readonly<Record<string, number>> };
  /** The learning-rate schedule as text (`formatSchedule`). */
  readonly learningRate: string;
  /** Samples a step, and the micro-batches that it is cut into. */
  readonly batch: number;
  readonly microBatches: number;
  /** The losses of the last steps, the newest last. */
  readonly losses: readonly number[];
  /** Other options of the command that started the run, which only it understands. */
  readonly options: Readonly<Record<string, Json>>;
}

/** Total over the fields of `RunState`: a field that nothing validates does not compile. */
export const readRunState: Reader<RunState> = object<RunState>({
  run: text,
  model: object({ name: text, classes: size, inputShape: list(size) }),
  data: object({
    source: text,
    classes: list(text),
    normalization: object({ mean: list(finite), std: list(finite) }),
  }),
  seed: finite,
  step: count,
  totalSteps: count,
  samplesSeen: count,
  optimizer: object({ name: text, options: table(finite) }),
  learningRate: text,
  batch: size,
  microBatches: size,
  losses: list(finite),
  options: table(json),
});
