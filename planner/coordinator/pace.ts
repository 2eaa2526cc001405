import type { DeviceReport } from '../../broker/index.ts';
import type { Pace, RunState, StageState } from './state.ts';

/** The newest step counts this much beside all before it: after five steps of another speed most of it is seen. */
const NEWEST_SHARE = 0.3;
/** A step so many times off is a clock that jumped, or a board that was stopped: nothing is learned from it. */
const MOST_TIMES_OFF = 100;

/**
 * How long a board takes after one more step. It is busy for as long as it does not wait for others; the plan had expected
 * that by the pace of then. The first step of a term counts for nothing: programs are cold.
 */
export function paceAfter(
  run: RunState,
  { stage, board, step: next }: StageState,
  { wallSeconds, waitSeconds }: Extract<DeviceReport, { kind: 'step' }>,
): RunState['paces'] {
  const { plan, paces, pacesAtPlan, request } = run;
  const expected = plan?.stages[stage]?.predictedSeconds ?? 0;
  const ratio = (wallSeconds - waitSeconds) / expected;
  const isFirst = next <= request.settings.fromStep;
  if (isFirst || !(ratio > 1 / MOST_TIMES_OFF && ratio < MOST_TIMES_OFF)) return paces;
  const seen = ratio * (pacesAtPlan.get(board)?.factor ?? 1);
  const { factor, steps } = paces.get(board) ?? { factor: seen, steps: 0 };
  const pace: Pace = { factor: factor + NEWEST_SHARE * (seen - factor), steps: steps + 1 };
  return new Map(paces).set(board, pace);
}
