import { median } from '../statistics.ts';
import type { Learner, Observation, Observed, Predictor, Refusal } from './types.ts';

/**
 * Keeps absurd measurements from a predictor: such as are not positive, were taken by a clock that jumped, or are far from
 * what the board's other measurements say. A board that goes on to measure the far value has really changed.
 */
export interface GuardState {
  /** Logarithms of measured ÷ predicted of the last measurements that were believed. */
  readonly neighbours: readonly number[];
  /** The same of the last ones in a row that were too far from these. */
  readonly strangers: readonly number[];
  readonly lastAt: number | undefined;
}

const fresh: GuardState = { neighbours: [], strangers: [], lastAt: undefined };

const keptNeighbours = 9;
const leastNeighbours = 3;
/** A factor of 30 between a measurement and its neighbours is believed of no board. */
const farthest = Math.log(30);
/** Before there are neighbours: a board may well be 100 times slower than those that were trained on. */
const farthestAtFirst = Math.log(10_000);
/** So many strangers in a row, this near each other, are the board's new way. */
const strangersBelieved = 5;
const strangersNear = Math.log(2);
/** A clock that ticks in milliseconds may end a measurement a little early. */
const clockTolerance = 2e-3;

type Verdict = { readonly guard: GuardState } & (
  | { readonly believed: true }
  | { readonly believed: false; readonly reason: Refusal; readonly message: string }
);

export function judge(guard: GuardState, { work, seconds, at }: Observation, predicted: number): Verdict {
  const refuse = (reason: Refusal, problem: string, changed: GuardState = guard): Verdict => ({
    guard: changed,
    believed: false,
    reason,
    message: `${work.id}: ${problem}; the measurement was not learned from`,
  });
  if (!Number.isFinite(seconds) || seconds <= 0) return refuse('notPositive', `${seconds} s is no time`);
  const { lastAt } = guard;
  const clocked = at === undefined ? guard : { ...guard, lastAt: at };
  if (at !== undefined && lastAt !== undefined && seconds > at - lastAt + clockTolerance) {
    const passed = (at - lastAt).toFixed(3);
    return refuse('clockJumped', `${seconds} s were measured where the board's clock went ${passed} s on`, clocked);
  }
  return judgeDistance(clocked, Math.log(seconds / predicted), refuse);
}

function judgeDistance(
  guard: GuardState,
  residual: number,
  refuse: (reason: Refusal, problem: string, changed: GuardState) => Verdict,
): Verdict {
  const { neighbours, strangers } = guard;
  const settled = neighbours.length >= leastNeighbours;
  const distance = residual - (settled ? median(neighbours) : 0);
  if (Math.abs(distance) <= (settled ? farthest : farthestAtFirst)) {
    return {
      guard: { ...guard, strangers: [], neighbours: [...neighbours, residual].slice(-keptNeighbours) },
      believed: true,
    };
  }
  const met = [...strangers, residual].slice(-strangersBelieved);
  if (met.length === strangersBelieved && Math.max(...met) - Math.min(...met) <= strangersNear) {
    return { guard: { ...guard, strangers: [], neighbours: met }, believed: true };
  }
  const factor = Math.exp(Math.abs(distance)).toPrecision(2);
  const problem = `it took ${factor} times ${distance > 0 ? 'longer' : 'less'} than the measurements before it say`;
  return refuse('farFromNeighbours', problem, { ...guard, strangers: met });
}

export interface Guarded<State> {
  readonly inner: State;
  readonly guard: GuardState;
}

/** A predictor that learns only from what can be believed, and says what it did not learn from. */
export function guarded<State>(learner: Learner<State>): Predictor<Guarded<State>> {
  return {
    name: learner.name,
    start: (model) => ({ inner: learner.start(model), guard: fresh }),
    predict: ({ inner }, work, conditions) => learner.predict(inner, work, conditions),
    observe({ inner, guard: before }, observation): Observed<Guarded<State>> {
      const predicted = learner.predict(inner, observation.work, observation.conditions).seconds;
      const verdict = judge(before, observation, predicted);
      const { guard } = verdict;
      if (verdict.believed) return { state: { inner: learner.learn(inner, observation), guard }, learned: true };
      const { reason, message } = verdict;
      return { state: { inner, guard }, learned: false, reason, message };
    },
  };
}
