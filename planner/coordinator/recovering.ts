import { PlannerError } from '../index.ts';
import type { Action } from './actions.ts';
import { isBadInput } from './errors.ts';
import { describeFailure, signatureOf } from './failure.ts';
import { planOf } from './planning.ts';
import { type Failure, type FleetState, type OnlineBoard, onlineBoards, type RunState, stepsDone } from './state.ts';

/**
 * Whether the run can go on after a failure: not where the same input would lead there again, nor where the same has
 * happened before without a step between. A board may be lost as often as it likes.
 */
export function isRecoverable(run: RunState, failure: Failure): boolean {
  if (run.request.settings.onLoss === 'stop') return false;
  switch (failure.kind) {
    case 'lost':
      return true;
    case 'failed':
      return !isBadInput(failure.error.code) && !isRepeated(run, failure);
    case 'silent':
    case 'not-prepared':
      return !isRepeated(run, failure);
    case 'not-enough-boards':
    case 'not-finite':
    case 'planning':
    case 'hub':
      return false;
    default:
      return failure satisfies never;
  }
}

function isRepeated(run: RunState, failure: Failure): boolean {
  const last = run.recoveries.at(-1);
  return last?.signature === signatureOf(failure) && stepsDone(run) <= last.step;
}

/** The end of the term: the next goes on from what the hub holds, or from the beginning. */
export function recovery(run: RunState, failure: Failure): Action {
  const fromStep = run.held ?? run.origin.fromStep;
  return { kind: 'recover', failure, reason: describeFailure(failure, run), fromStep };
}

/** A plan for the boards that are there; the run pauses where there are none, or where the model does not fit them. */
export function areBoardsBack(run: RunState, _now: number, state: FleetState): readonly Action[] {
  if (run.phase !== 'recovering') return [];
  const boards = survivors(run, onlineBoards(state));
  if (boards.length === 0) return pause(run, 'no board of the run is online');
  try {
    return [{ kind: 'adopt', plan: planOf(requestFor(run, boards), boards) }];
  } catch (error) {
    if (error instanceof PlannerError) return pause(run, error.message);
    throw error;
  }
}

function pause(run: RunState, reason: string): readonly Action[] {
  return run.paused === reason ? [] : [{ kind: 'pause', reason }];
}

/** Of the boards that are online, those that were asked for; the strongest where only a number was. */
function survivors({ request }: RunState, online: readonly OnlineBoard[]): readonly OnlineBoard[] {
  const { boards: wanted } = request.settings;
  if (typeof wanted !== 'number') return wanted.flatMap((id) => online.find((board) => board.id === id) ?? []);
  const strongest = online.toSorted((a, b) => b.cores - a.cores).slice(0, wanted);
  return online.filter((board) => strongest.includes(board));
}

/** A split that was given holds for the boards that it was given for. */
function requestFor({ request }: RunState, boards: readonly OnlineBoard[]): RunState['request'] {
  const { split, ...settings } = request.settings;
  return split === undefined || split.length === boards.length ? request : { ...request, settings };
}
