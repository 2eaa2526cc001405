import type { DeviceReport } from '../../broker/index.ts';
import type { RunState, StageState } from './state.ts';

/** By board: how many times as long as it has measured it takes in the run. */
export type Paces = ReadonlyMap<string, number>;

/** The newest step counts this much beside all before it: after five steps of another speed most of it is seen. */
const NEWEST_SHARE = 0.3;
/** Of a step: what a board that is expected to compute less than this takes tells of its messages, not of its speed. */
const DOUBT_SHARE = 0.25;
/** A step so many times off is a clock that jumped, or a board that was stopped: nothing is learned from it. */
const MOST_TIMES_OFF = 100;

/**
 * A board's pace. What boards of the run are off by together is no board's own: one that has not taken part is off by as
 * much (their geometric mean). Else a board would look the better the less is known of it.
 */
export function paceOf(paces: Paces, board: string): number {
  const logarithms = [...paces.values()].map(Math.log);
  return paces.get(board) ?? Math.exp(logarithms.reduce((sum, each) => sum + each, 0) / Math.max(1, paces.size));
}

/**
 * How long a board takes after one more step. It is busy for as long as it does not wait for others; the plan had expected
 * that by the pace of then. A stage that is small beside the step is believed little: it takes what messages take, and says
 * nothing of what the board would do with more blocks. The first step of a term counts for nothing: programs are cold.
 */
export function paceAfter(
  run: RunState,
  { stage, board, step: next }: StageState,
  { wallSeconds, waitSeconds }: Extract<DeviceReport, { kind: 'step' }>,
): Paces {
  const { plan, paces, pacesAtPlan, request } = run;
  const expected = plan?.stages[stage]?.predictedSeconds ?? 0;
  const busy = wallSeconds - waitSeconds;
  const ratio = busy / expected;
  const isFirst = next <= request.settings.fromStep;
  if (isFirst || !(ratio > 1 / MOST_TIMES_OFF && ratio < MOST_TIMES_OFF)) return paces;
  const doubt = DOUBT_SHARE * (plan?.predictedStepSeconds ?? expected);
  const seen = ((busy + doubt) / (expected + doubt)) * paceOf(pacesAtPlan, board);
  const before = paces.get(board) ?? seen;
  return new Map(paces).set(board, before + NEWEST_SHARE * (seen - before));
}
