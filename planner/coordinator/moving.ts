import { boardsOfEither, type Plan, PlannerError } from '../index.ts';
import type { Abandoned, Action } from './actions.ts';
import { knowledgeOf, planOf, requestFor } from './planning.ts';
import { replicaBytes } from './replicas.ts';
import { type FleetState, type NextPlan, type OnlineBoard, onlineBoards, type RunState, stepsDone } from './state.ts';

// A planned change of boards, as docs/recovery.md tells it: the next plan is made ready beside training, boards change
// to it at a step, and blocks go from board to board.

/** Whether it trains and no change is under way. */
export function isSteady({ phase, move, next }: RunState): boolean {
  return phase === 'training' && move === undefined && next === undefined;
}

/**
 * How a run gets to a plan for these boards. Beside its training, unless a board has no room for its old stage and the new
 * one, or that has failed already in this term: then the term ends with a captured state before stages are loaded.
 */
export function changeTo(run: RunState, boards: readonly OnlineBoard[], reason: string): Action {
  const plan = run.gaveUp ? undefined : planFor(run, boards);
  const held = run.replica === undefined ? new Map<string, number>() : replicaBytes(run);
  const isBeside = plan !== undefined && boards.every((board) => hasRoom(run.plan!, plan, board, held.get(board.id)));
  return isBeside ? { kind: 'propose', plan, reason } : { kind: 'move', reason };
}

/** Undefined where the model fits no plan: whoever ends the term waits for boards then. */
function planFor(run: RunState, boards: readonly OnlineBoard[]): Plan | undefined {
  try {
    return planOf({ ...requestFor(run, boards), term: run.lastTerm + 1 }, boards, knowledgeOf(run));
  } catch (error) {
    if (error instanceof PlannerError) return undefined;
    throw error;
  }
}

/** A board that goes on with the same blocks needs no more than before; another holds both stages for a while, and what it holds for others. */
function hasRoom(before: Plan, after: Plan, { id, memoryBytes }: OnlineBoard, heldBytes = 0): boolean {
  const [old, next] = [before, after].map(({ stages }) => stages.find(({ board }) => board === id));
  if (old === undefined || next === undefined) return true;
  const isSame = old.firstBlock === next.firstBlock && old.lastBlock === next.lastBlock;
  return isSame || old.memoryBytes + next.memoryBytes + heldBytes <= memoryBytes;
}

/** Whether the plan that is being made ready will come to nothing: then training goes on as it is. */
export function isNextHopeless(run: RunState, now: number, state: FleetState): readonly Action[] {
  const { next, granted, finalStep, stopRequested, phase } = run;
  if (phase !== 'training' || next?.phase !== 'building') return [];
  const giveUp = (reason: string, ...boards: readonly string[]): readonly Action[] => {
    const leftOut = boards.filter((board) => !run.stages.some((stage) => stage.board === board));
    return [
      { kind: 'give-up', reason, abandons: abandonedBy(next) },
      ...leftOut.map((board) => leaveOut(state, board, reason)),
    ];
  };
  if (next.problem !== undefined) return giveUp(`${next.problem.board} ${next.problem.how}`, next.problem.board);
  const there = new Set(onlineBoards(state).map(({ id }) => id));
  const gone = next.plan.stages.find(({ board }) => !there.has(board));
  if (gone !== undefined) return giveUp(`${gone.board} is not there any more`);
  if (stopRequested || granted >= finalStep) return giveUp('the run ends before');
  if (now < buildingDeadline(run)) return [];
  const late = boardsOf(next).filter((board) => !next.ready.has(board));
  return giveUp(`${late.join(', ')} took longer than ${run.request.deadlines.prepared} s`, ...late);
}

/** A board that could not get ready and has no stage now is not tried again before it comes anew. */
function leaveOut({ boards, now }: FleetState, board: string, reason: string): Action {
  const { onlineSince = now } = boards.get(board) ?? {};
  return { kind: 'leave-out', board, onlineSince, reason };
}

/** When a plan that is not ready is given up; Infinity where none is made ready. */
export function buildingDeadline({ next, request }: RunState): number {
  return next?.phase === 'building' ? next.since + request.deadlines.prepared : Infinity;
}

/** Boards change at the last step granted, which none can have passed; a state on its way up is awaited. */
export function canCommit(run: RunState): readonly Action[] {
  const { next, phase, capture, replication, granted, suspects } = run;
  if (phase !== 'training' || next?.phase !== 'building' || suspects.length > 0) return [];
  if (capture !== undefined || replication !== undefined) return [];
  return boardsOf(next).every((board) => next.ready.has(board)) ? [{ kind: 'commit', step: granted }] : [];
}

export function areOldStepsDone(run: RunState): readonly Action[] {
  const { next, phase } = run;
  return phase === 'training' && next?.phase === 'committed' && stepsDone(run) >= next.step ? [{ kind: 'take' }] : [];
}

export function haveAllMoved({ next, phase }: RunState, now: number): readonly Action[] {
  if (phase !== 'training' || next?.phase !== 'taken') return [];
  if (!boardsOf(next).every((board) => next.moved.has(board))) return [];
  const { plan, step, since, committedAt, takenAt, moved, bytes } = next;
  const seconds = { prepareSeconds: committedAt - since, handoverSeconds: now - takenAt };
  const boards = [...moved].map(([board, took]) => ({ board, seconds: took }));
  return [{ kind: 'settle', term: plan.term, step, ...seconds, bytes, boards }];
}

/** Who is to forget the next plan. */
export function abandonedBy(next: NextPlan): Abandoned {
  return { term: next.plan.term, boards: boardsOf(next) };
}

const boardsOf = ({ before, plan }: NextPlan): readonly string[] => boardsOfEither(before, plan);
