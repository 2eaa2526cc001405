import type { FittedModel } from './base/fit.ts';
import type { Predictor } from './types.ts';
import type { Work } from './work/work.ts';

/** A work of a board with what it takes, and with one measurement of it as a running board would make. */
export interface Trial {
  readonly work: Work;
  readonly seconds: number;
  readonly measured: number;
}

export interface Trials {
  /** What the board runs before anything else. */
  readonly probes: readonly Trial[];
  readonly blocks: readonly Trial[];
}

/** Works that a board is asked to measure next: those that would tell the predictor most of the board, one after another. */
export function chooseTrials<State>(
  predictor: Predictor<State>,
  start: State,
  candidates: readonly Trial[],
  count: number,
): readonly Trial[] {
  const left = [...candidates];
  const chosen: Trial[] = [];
  let state = start;
  while (chosen.length < count && left.length > 0) {
    const [next] = left.splice(
      mostTelling(
        predictor,
        state,
        left.map(({ work }) => work),
      ),
      1,
    );
    chosen.push(next!);
    state = predictor.observe(state, { work: next!.work, seconds: next!.measured }).state;
  }
  return chosen;
}

/** The place of the work whose measurement would tell most. */
export function mostTelling<State>(predictor: Predictor<State>, state: State, works: readonly Work[]): number {
  const novelties = works.map((work) => predictor.predict(state, work).novelty);
  return novelties.indexOf(Math.max(...novelties));
}

export function learnAll<State>(predictor: Predictor<State>, start: State, trials: readonly Trial[]): State {
  return trials.reduce(
    (state, { work, measured }) => predictor.observe(state, { work, seconds: measured }).state,
    start,
  );
}

/** |predicted ÷ measured − 1| of each. */
export function relativeErrors<State>(
  predictor: Predictor<State>,
  state: State,
  trials: readonly Trial[],
): readonly number[] {
  return trials.map(({ work, seconds }) => Math.abs(predictor.predict(state, work).seconds / seconds - 1));
}

/** A board that was not trained on: the state after the probe. */
export function afterProbe<State>(predictor: Predictor<State>, model: FittedModel, { probes }: Trials): State {
  return learnAll(predictor, predictor.start(model), probes);
}
