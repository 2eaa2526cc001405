import { type Plan, PlannerError } from '../index.ts';
import type { Action } from './actions.ts';
import { isAnotherPlanBetter } from './adapting.ts';
import { describeWait, judge } from './failure.ts';
import { grantSteps } from './grants.ts';
import { isCheckpointDue, isReplicaComplete, isStateComplete } from './keeping.ts';
import { metricsOf } from './metrics.ts';
import { areOldStepsDone, buildingDeadline, canCommit, haveAllMoved, isNextHopeless } from './moving.ts';
import { chooseBoards, knowledgeOf, planOf } from './planning.ts';
import { missing, nextLook } from './presence.ts';
import {
  areBoardsBack,
  goesOnWithFewer,
  goingBack,
  isIdleBoardDue,
  isMoveReady,
  isMoveWanted,
  isNewcomerUnknown,
  isNewcomerUntried,
  isRecoverable,
  recovery,
  withThoseThere,
} from './recovering.ts';
import { sourcesFor } from './replicas.ts';
import { type Failure, type FleetState, type OnlineBoard, onlineBoards, type RunState, stepsDone } from './state.ts';
import { firstWishes, stageWishes } from './surveying.ts';
import { isLive } from './transitions.ts';
import type { Progress } from './types.ts';
import { areWidthsRight, isLinkTooLossy } from './widths.ts';

/** One question about a run: what to do where the answer is yes, nothing where it is no. */
type Question = (run: RunState, now: number, state: FleetState) => readonly Action[];

/** In the order of priority: the first that has something to do is answered. */
const questions: readonly Question[] = [
  isOver,
  isStateComplete,
  isReplicaComplete,
  isCheckpointDue,
  isSomebodyMissing,
  hasFailed,
  isInterruptedEarly,
  isLate,
  areBoardsThere,
  areSurveysComplete,
  areBoardsBack,
  canPrepare,
  areNormsComplete,
  isStepDone,
  isTrainingDone,
  isNextHopeless,
  haveAllMoved,
  areOldStepsDone,
  canCommit,
  isMoveReady,
  isNewcomerUnknown,
  isNewcomerUntried,
  isIdleBoardDue,
  isMoveWanted,
  isLinkTooLossy,
  areWidthsRight,
  isAnotherPlanBetter,
  canGrant,
];

/**
 * What to do next. Pure; nothing where there is nothing to do. Each action, once taken, is applied as a `decided` event,
 * after which it is not decided again.
 */
export function decide(state: FleetState, now: number): readonly Action[] {
  const { run } = state;
  if (run === undefined || run.phase === 'over') return [];
  for (const question of questions) {
    const actions = question(run, now, state);
    if (actions.length > 0) return actions;
  }
  return [];
}

/** When `decide` has to be asked again even if nothing happens; undefined where only an event can matter. */
export function nextDeadline(state: FleetState): number | undefined {
  const { run } = state;
  if (run === undefined || run.phase === 'over') return undefined;
  const cause = run.suspects[0] === undefined ? Infinity : run.suspects[0].at + run.request.deadlines.cause;
  return isLive(run) ? Math.min(cause, nextLook(state), buildingDeadline(run), deadlineOf(run)) : deadlineOf(run);
}

/** The end of the phase, if nothing happens before. */
function deadlineOf(run: RunState): number {
  const { deadlines } = run.request;
  switch (run.phase) {
    case 'gathering':
      return run.phaseSince + gatheringSeconds(run);
    case 'surveying':
      return run.phaseSince + deadlines.surveyed;
    case 'opening':
    case 'opened':
    case 'preparing':
      return run.phaseSince + deadlines.prepared;
    case 'training':
      return run.progressAt + (isDiskAwaited(run) ? deadlines.boardsBack : deadlines.silence);
    case 'recovering':
      return run.phaseSince + deadlines.boardsBack;
    case 'stopping':
      // A checkpoint that is being written is worth waiting for: it may be the last good one.
      return run.phaseSince + (run.writing !== undefined ? deadlines.silence : deadlines.stop);
    case 'over':
      return Infinity;
    default:
      return run.phase satisfies never;
  }
}

/** A run that goes on without a board that is lost while boards measure themselves lets the others measure on. */
function gatheringSeconds(run: RunState): number {
  const { boardsOnline, boardsReturned, surveyed } = run.request.deadlines;
  if (run.survey.rounds === 0 || !goesOnWithFewer(run)) return boardsOnline;
  return run.survey.awaited.size > 0 ? surveyed : boardsReturned;
}

/** Boards have done all that they may: only the disk is waited for, which its owner may have to make room on. */
function isDiskAwaited(run: RunState): boolean {
  return run.writing !== undefined && stepsDone(run) >= run.granted;
}

function isOver(run: RunState, now: number): readonly Action[] {
  if (run.phase !== 'stopping') return [];
  const allStopped = run.stages.every(({ stopped }) => stopped) && run.writing === undefined;
  return allStopped || now >= deadlineOf(run) ? [{ kind: 'finish' }] : [];
}

function isSomebodyMissing(run: RunState, now: number, state: FleetState): readonly Action[] {
  const { heartbeat: seconds } = run.request.deadlines;
  return isLive(run) ? missing(state, now).map((board) => ({ kind: 'miss', board, seconds })) : [];
}

function hasFailed(run: RunState, now: number, state: FleetState): readonly Action[] {
  const failure = isLive(run) ? judge(run, now) : undefined;
  return failure === undefined ? [] : [afterFailure(run, failure, state)];
}

/**
 * Before the first grant there is nothing to finish, and nothing to save but what is held from an earlier term. What only
 * boards hold is given up: they may never come back.
 */
function isInterruptedEarly(run: RunState): readonly Action[] {
  const { stopRequested, phase, held, checkpoint, request, origin } = run;
  if (!stopRequested || !isLive(run) || phase === 'training') return [];
  const atHub = held ?? origin.fromStep;
  if (request.settings.fromStep > atHub) {
    return [{ kind: 'recover', failure: undefined, reason: 'the run is interrupted', fromStep: atHub }];
  }
  const saved = held === undefined || held === checkpoint?.step;
  return saved ? [{ kind: 'stop', outcome: { kind: 'interrupted' } }] : [];
}

function isLate(run: RunState, now: number, state: FleetState): readonly Action[] {
  if (now < deadlineOf(run)) return [];
  const { surveyed, prepared, silence, boardsBack } = run.request.deadlines;
  switch (run.phase) {
    case 'gathering': {
      const online = onlineBoards(state).map(({ id }) => id);
      if (goesOnWithFewer(run)) return [withThoseThere(run, gatheringSeconds(run))];
      return [fail({ kind: 'not-enough-boards', online, seconds: gatheringSeconds(run) })];
    }
    case 'surveying':
      return [fail({ kind: 'not-surveyed', waitsFor: describeWait(run, now), seconds: surveyed })];
    case 'opening':
    case 'opened':
    case 'preparing':
      return [afterFailure(run, { kind: 'not-prepared', waitsFor: describeWait(run, now), seconds: prepared }, state)];
    case 'training':
      return [afterFailure(run, { kind: 'silent', waitsFor: describeWait(run, now), seconds: silence }, state)];
    case 'recovering': {
      const online = onlineBoards(state).map(({ id }) => id);
      return [fail({ kind: 'not-enough-boards', online, seconds: boardsBack })];
    }
    case 'stopping':
    case 'over':
      return [];
    default:
      return run.phase satisfies never;
  }
}

function areBoardsThere(run: RunState, _now: number, state: FleetState): readonly Action[] {
  if (run.phase !== 'gathering') return [];
  const boards = boardsFor(run, state);
  if (boards === undefined) return [];
  const wishes = firstWishes(run, boards);
  if (wishes.size > 0) return [{ kind: 'survey', round: run.survey.rounds, wishes }];
  return planned(run, boards, (plan) => ({ kind: 'adopt', plan }));
}

/** A plan holds once its boards have measured their stages: else it is made anew with what they have measured. */
function areSurveysComplete(run: RunState, _now: number, state: FleetState): readonly Action[] {
  if (run.phase !== 'surveying' || run.survey.awaited.size > 0) return [];
  const boards = boardsFor(run, state);
  if (boards === undefined) return [];
  return planned(run, boards, (plan) => {
    const wishes = stageWishes(run, plan);
    return wishes.size > 0 ? { kind: 'survey', round: run.survey.rounds, wishes } : { kind: 'adopt', plan };
  });
}

function boardsFor(run: RunState, state: FleetState): readonly OnlineBoard[] | undefined {
  const { boards, comesLater = [] } = run.request.settings;
  const wanted = typeof boards === 'number' ? boards : boards.filter((id) => !comesLater.includes(id));
  return chooseBoards(wanted, onlineBoards(state));
}

function planned(run: RunState, boards: readonly OnlineBoard[], then: (plan: Plan) => Action): readonly Action[] {
  try {
    return [then(planOf(run.request, boards, knowledgeOf(run)))];
  } catch (error) {
    // No split fits, or a setting is wrong: the caller gets to know. Anything else is a bug of ours.
    if (error instanceof PlannerError) return [fail({ kind: 'planning', error })];
    throw error;
  }
}

/** Boards that held what the term begins with may have gone since it was chosen; then it begins with an older state. */
function canPrepare(run: RunState, _now: number, { boards }: FleetState): readonly Action[] {
  const { phase, plan } = run;
  if (phase !== 'opened' || plan === undefined) return [];
  const sources = sourcesFor(run, plan, boards);
  return [sources === undefined ? goingBack(run, boards) : { kind: 'prepare', plan, sources }];
}

/**
 * The sum goes over the parameters in the model's order, whatever the split, so that every split clips alike. Gradients
 * are float32: their squares cannot overflow a float64.
 */
function areNormsComplete(run: RunState): readonly Action[] {
  if (run.phase !== 'training') return [];
  return [...run.norms].flatMap(([step, byStage]) => {
    if (byStage.includes(undefined)) return [];
    const squaredNorm = byStage.flatMap((norms) => norms!).reduce((sum, norm) => sum + norm, 0);
    return [{ kind: 'clip', step, squaredNorm } as const];
  });
}

function isStepDone(run: RunState): readonly Action[] {
  if (run.phase !== 'training' || run.announced >= stepsDone(run)) return [];
  const { announced: step } = run;
  return [{ kind: 'announce', step, progress: progressOf(run, step), metrics: metricsOf(run, step) }];
}

function progressOf(run: RunState, index: number): Progress {
  const { steps, batch } = run.request.settings;
  const first = run.doneAt[0]!;
  const seconds = run.doneAt.at(-1)! - first;
  const samplesPerSecond = seconds > 0 ? ((run.doneAt.length - 1) * batch) / seconds : 0;
  const step = index + 1;
  const secondsLeft = samplesPerSecond > 0 ? ((steps - step) * batch) / samplesPerSecond : 0;
  return { step, steps, loss: run.losses[index - run.origin.fromStep]!, samplesPerSecond, secondsLeft };
}

function isTrainingDone(run: RunState): readonly Action[] {
  const { phase, finalStep, checkpoint, request } = run;
  if (phase !== 'training' || stepsDone(run) < finalStep || checkpoint?.step !== finalStep) return [];
  const kind = finalStep < request.settings.steps ? 'interrupted' : 'finished';
  return [{ kind: 'stop', outcome: { kind } }];
}

function canGrant(run: RunState, now: number, { boards }: FleetState): readonly Action[] {
  if (run.phase === 'preparing')
    return run.stages.every(({ prepared }) => prepared) ? grantSteps(run, now, boards) : [];
  return run.phase === 'training' ? grantSteps(run, now, boards) : [];
}

function afterFailure(run: RunState, failure: Failure, { boards }: FleetState): Action {
  return isRecoverable(run, failure) ? recovery(run, failure, boards) : fail(failure);
}

function fail(failure: Failure): Action {
  return { kind: 'stop', outcome: { kind: 'failed', failure } };
}
