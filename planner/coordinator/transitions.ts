import type { Failure, FleetState, IgnoreReason, RunState, StageState } from './state.ts';

/** Small changes of state that several events make. */

export function ignore(state: FleetState, reason: IgnoreReason): FleetState {
  return { ...state, ignored: { ...state.ignored, [reason]: (state.ignored[reason] ?? 0) + 1 } };
}

/** Whether the run still goes on; afterwards nothing can fail any more. */
export function isLive({ phase }: RunState): boolean {
  return phase !== 'stopping' && phase !== 'over';
}

export function suspect(run: RunState, failure: Failure, at: number): RunState {
  return isLive(run) ? { ...run, suspects: [...run.suspects, { at, failure }] } : run;
}

export function withStage(run: RunState, stage: number, change: Partial<StageState>): RunState {
  return { ...run, stages: run.stages.map((other) => (other.stage === stage ? { ...other, ...change } : other)) };
}
