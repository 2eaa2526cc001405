import { boardsOfEither } from '../index.ts';
import type { BoardState, Failure, FleetState, IgnoreReason, RunState, StageState } from './state.ts';
import type { Recovery } from './types.ts';

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

export function fail(state: FleetState, run: RunState, failure: Failure): FleetState {
  return { ...state, run: suspect(run, failure, state.now) };
}

export function withBoard(state: FleetState, id: string, board: BoardState): FleetState {
  return { ...state, boards: new Map(state.boards).set(id, board) };
}

/** A board of the run is gone: that ends the term, or is as good as having stopped. */
export function leave(state: FleetState, board: string, how: string): FleetState {
  const { run } = state;
  // Boards are gathered anew, and those that have measured themselves need not do it again.
  if (run?.phase === 'surveying' && run.survey.awaited.has(board)) {
    return { ...state, run: { ...run, survey: without(run.survey, board), phase: 'gathering', phaseSince: state.now } };
  }
  const stage = run?.stages.find((candidate) => candidate.board === board);
  if (run === undefined) return state;
  if (stage === undefined) {
    return { ...state, run: leaveNext({ ...run, survey: without(run.survey, board) }, board, how, state.now) };
  }
  // It will not say that it has stopped.
  const gone = withStage(run, stage.stage, { stopped: true });
  const known = state.boards.get(board);
  const counted = withBoard(state, board, { ...known, losses: (known?.losses ?? 0) + 1 });
  return fail(counted, gone, { kind: 'lost', stage: stage.stage, step: stage.step, how });
}

/** Whether others wait for state from this board, which has no stage in the plan. */
export function isGiver({ phase, sources, stages }: RunState, board: string): boolean {
  return phase === 'preparing' && sources.includes(board) && !stages.some((stage) => stage.board === board);
}

/** A board without a stage of this plan is gone: it may have one in the next, or have blocks to hand over. */
function leaveNext(run: RunState, board: string, how: string, at: number): RunState {
  const { next, request } = run;
  if (isGiver(run, board)) return suspect(run, { kind: 'handover', board, step: request.settings.fromStep, how }, at);
  if (next === undefined || !boardsOfEither(next.before, next.plan).includes(board)) return run;
  if (next.phase === 'building') return { ...run, next: { ...next, problem: { board, how } } };
  if (next.phase === 'taken' && next.moved.has(board)) return run;
  return suspect(run, { kind: 'handover', board, step: next.step, how }, at);
}

/** Nobody waits for this board's answer any more. */
export function without(survey: RunState['survey'], board: string): RunState['survey'] {
  return { ...survey, awaited: new Set([...survey.awaited].filter((other) => other !== board)) };
}

/** Answers of an older term are not heard: whoever has not answered yet is asked again. */
export function askedAnew(survey: RunState['survey']): RunState['survey'] {
  return { ...survey, awaited: new Set() };
}

/** The latest recovery is further. */
export function withLast(recoveries: readonly Recovery[], change: Partial<Recovery>): readonly Recovery[] {
  const last = recoveries.at(-1);
  return last === undefined ? recoveries : [...recoveries.slice(0, -1), { ...last, ...change }];
}
