import { PlannerError, STATE_NOT_HELD } from '../index.ts';
import type { Action } from './actions.ts';
import { weigh, wordsOf } from './adapting.ts';
import { isBadInput } from './errors.ts';
import { describeFailure, signatureOf } from './failure.ts';
import { abandonedBy, changeTo, isSteady } from './moving.ts';
import { boardsThere, knowledgeOf, planOf, requestFor } from './planning.ts';
import { recheckWishes } from './rechecking.ts';
import { restorableStep } from './replicas.ts';
import { type Failure, type FleetState, type OnlineBoard, onlineBoards, type RunState, stepsDone } from './state.ts';
import { knownBoards, newcomerStageWishes, newcomerWishes } from './surveying.ts';

/** A change of boards costs about as much as some steps. */
const LEAST_STEPS_LEFT = 10;
const SETTLING_SECONDS = 5;
const MOST_SETTLING_SECONDS = 300;

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
      // A board that does not hold what it was to give is asked for it no more.
      if (failure.error.code === STATE_NOT_HELD) return true;
      return !isBadInput(failure.error.code) && !isRepeated(run, failure);
    case 'silent':
    case 'not-prepared':
    case 'handover':
      return !isRepeated(run, failure);
    case 'not-enough-boards':
    case 'not-surveyed':
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

/** The end of the term: the next goes on from the newest state that boards or the hub hold, or from the beginning. */
export function recovery(run: RunState, failure: Failure, boards: FleetState['boards']): Action {
  const fromStep = restorableStep(run, boards);
  const { next } = run;
  const abandons = next === undefined ? {} : { abandons: abandonedBy(next) };
  return { kind: 'recover', failure, reason: describeFailure(failure, run), fromStep, ...abandons };
}

/** Who held what the term was to begin with is gone. */
export function goingBack(run: RunState, boards: FleetState['boards']): Action {
  const { fromStep } = run.request.settings;
  const reason = `nobody holds all of the state of step ${fromStep} any more`;
  return { kind: 'recover', failure: undefined, reason, fromStep: restorableStep(run, boards) };
}

/**
 * Whether a run for which some boards have stayed away begins with the others: where nobody is there to bring them, or
 * where it had all of them and lost one while they measured themselves.
 */
export function goesOnWithFewer({ request: { settings }, survey }: RunState): boolean {
  return settings.unattended === true || (survey.rounds > 0 && settings.onLoss !== 'stop');
}

/** The next term begins with the boards that are there; the others are taken in when they come. */
export function withThoseThere(run: RunState, seconds: number): Action {
  const { fromStep } = run.origin;
  return { kind: 'recover', failure: undefined, reason: `not all boards were there after ${seconds} s`, fromStep };
}

function mayChange(run: RunState): boolean {
  const { stopRequested, finalStep, granted } = run;
  return isSteady(run) && !stopRequested && granted + LEAST_STEPS_LEFT <= finalStep;
}

/**
 * Whether the boards are to be others from the next step on: one is drained, or one of those asked for that the plan does
 * without is there again. Nothing is moved for the last steps of a run.
 */
export function isMoveWanted(run: RunState, now: number, state: FleetState): readonly Action[] {
  const { stages } = run;
  if (!mayChange(run)) return [];
  const next = knownBoards(run, settledBoards(run, now, state));
  const drained = stages.find(({ board }) => state.boards.get(board)?.drained);
  if (drained !== undefined) return [changeTo(run, next, `${drained.board} is being drained`)];
  const back = newcomerAmong(run, next, state);
  if (back === undefined) return [];
  const problem = problemWith(run, next, back.id);
  if (problem === undefined) return [changeTo(run, next, `${back.id} is there`)];
  const { onlineSince = now } = state.boards.get(back.id) ?? {};
  return [{ kind: 'leave-out', board: back.id, onlineSince, reason: problem }];
}

/** One that is not measuring anything. */
function newcomerAmong(run: RunState, boards: readonly OnlineBoard[], state: FleetState): OnlineBoard | undefined {
  return boards.find(({ id }) => !isIn(run, id) && isNew(run, state, id) && !run.survey.awaited.has(id));
}

/** A board that comes measures itself beside the training of the others, before a plan is made with it. */
export function isNewcomerUnknown(run: RunState, now: number, state: FleetState): readonly Action[] {
  const { survey } = run;
  if (!mayChange(run)) return [];
  const others = settledBoards(run, now, state).filter(({ id }) => !isIn(run, id));
  const wishes = newcomerWishes(run, others);
  return wishes.size > 0 ? [{ kind: 'survey', round: survey.rounds - 1, wishes }] : [];
}

/** Then it measures the stage that it would get, as others did before the run: what it takes is not what its blocks take alone. */
export function isNewcomerUntried(run: RunState, now: number, state: FleetState): readonly Action[] {
  if (!mayChange(run)) return [];
  const boards = knownBoards(run, settledBoards(run, now, state));
  const back = newcomerAmong(run, boards, state);
  if (back === undefined) return [];
  try {
    const wishes = newcomerStageWishes(run, planOf(requestFor(run, boards), boards, knowledgeOf(run)), back.id);
    return wishes.size > 0 ? [{ kind: 'survey', round: run.survey.rounds - 1, wishes }] : [];
  } catch (error) {
    // Whether it gets work is told by the next question.
    if (error instanceof PlannerError) return [];
    throw error;
  }
}

/** What a board can do that has no work is looked at again from time to time. */
export function isIdleBoardDue(run: RunState, now: number, state: FleetState): readonly Action[] {
  const { survey } = run;
  if (!mayChange(run)) return [];
  const idle = settledBoards(run, now, state).filter(({ id }) => !isIn(run, id) && !survey.awaited.has(id));
  const wishes = recheckWishes(run, idle, now);
  return wishes.size > 0 ? [{ kind: 'survey', round: survey.rounds - 1, wishes }] : [];
}

function settledBoards(run: RunState, now: number, state: FleetState): readonly OnlineBoard[] {
  const there = boardsThere(run.request.settings.boards, onlineBoards(state));
  return there.filter(({ id }) => isIn(run, id) || isSettled(state, id, now));
}

/** The state is held with which the boards change. */
export function isMoveReady(run: RunState): readonly Action[] {
  const { move, held, phase } = run;
  if (phase !== 'training' || move === undefined || held !== move.step || stepsDone(run) < move.step) return [];
  return [{ kind: 'recover', failure: undefined, reason: move.reason, fromStep: move.step }];
}

/** The more often a board was lost, the longer it has to be there before a run changes its plan for it. */
function isSettled({ boards }: FleetState, id: string, now: number): boolean {
  const { losses = 0, onlineSince = now } = boards.get(id) ?? {};
  const seconds = losses === 0 ? 0 : Math.min(MOST_SETTLING_SECONDS, SETTLING_SECONDS * 2 ** (losses - 1));
  return now - onlineSince >= seconds;
}

const isIn = ({ stages }: RunState, id: string): boolean => stages.some(({ board }) => board === id);

/** It came after the boards were chosen, and nothing was decided about it since. */
function isNew({ plannedAt, leftOut }: RunState, { boards }: FleetState, id: string): boolean {
  const { onlineSince = plannedAt } = boards.get(id) ?? {};
  return onlineSince > plannedAt && leftOut.get(id) !== onlineSince;
}

/** Why a plan with this board is no better than the one without it. */
function problemWith(run: RunState, boards: readonly OnlineBoard[], id: string): string | undefined {
  try {
    const { stages } = planOf(requestFor(run, boards), boards, knowledgeOf(run));
    if (!stages.some(({ board }) => board === id)) return `the plan is better without ${id}`;
    const weighed = run.request.settings.adapts ? weigh(run, boards) : undefined;
    return weighed === undefined || weighed.worthIt ? undefined : `it is not worth the move: ${wordsOf(weighed)}`;
  } catch (error) {
    if (error instanceof PlannerError) return error.message;
    throw error;
  }
}

/** A plan for the boards that are there; the run pauses where there are none, or where the model does not fit them. */
export function areBoardsBack(run: RunState, _now: number, state: FleetState): readonly Action[] {
  if (run.phase !== 'recovering') return [];
  const there = boardsThere(run.request.settings.boards, onlineBoards(state));
  const known = knownBoards(run, there);
  const boards = known.length === 0 ? there : known;
  if (boards.length === 0) return pause(run, 'no board of the run is online');
  try {
    return [{ kind: 'adopt', plan: planOf(requestFor(run, boards), boards, knowledgeOf(run)) }];
  } catch (error) {
    if (error instanceof PlannerError) return pause(run, error.message);
    throw error;
  }
}

function pause(run: RunState, reason: string): readonly Action[] {
  return run.paused === reason ? [] : [{ kind: 'pause', reason }];
}
