import type { FittedModel } from './base/fit.ts';
import type { Work } from './work/work.ts';

/** A time for one work on one board. */
export interface Prediction {
  readonly seconds: number;
  /** Standard deviation of the logarithm of a measurement around it: 0.1 is about 10 %. */
  readonly relativeDeviation: number;
  /** What a measurement of this work would tell of the board: variance of the board's part ÷ that of the measurement. */
  readonly novelty: number;
}

/** What a board measured. */
export interface Observation {
  readonly work: Work;
  readonly seconds: number;
  /** Where the work is of several blocks: the same pass of each of them alone. */
  readonly parts?: readonly Work[];
  /** The board's monotonic clock when the work ended, in seconds; shows clocks that jump. */
  readonly at?: number;
  readonly conditions?: Conditions;
}

/** How a board is at the moment, against how it was when it was calibrated; absent is unknown and taken as unchanged. */
export interface Conditions {
  /** Frequency now ÷ frequency at calibration. */
  readonly frequencyRatio?: number;
  /** Share of the processor that other processes take, 0 to 1. */
  readonly otherLoad?: number;
}

/** Why a measurement was not learned from. */
export type Refusal = 'notPositive' | 'clockJumped' | 'farFromNeighbours';

export type Observed<State> =
  | { readonly state: State; readonly learned: true }
  | { readonly state: State; readonly learned: false; readonly reason: Refusal; readonly message: string };

/** One way to tell times. All methods are pure: a state is never changed. */
export interface Predictor<State> {
  readonly name: string;
  /** What is known of a board that has measured nothing yet. */
  start(model: FittedModel): State;
  predict(state: State, work: Work, conditions?: Conditions): Prediction;
  observe(state: State, observation: Observation): Observed<State>;
}

/** A predictor that takes every measurement for true; `guarded` makes a `Predictor` of it. */
export interface Learner<State> {
  readonly name: string;
  start(model: FittedModel): State;
  predict(state: State, work: Work, conditions?: Conditions): Prediction;
  learn(state: State, observation: Observation): State;
}
