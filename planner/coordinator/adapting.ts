import { PlannerError } from '../index.ts';
import type { Action } from './actions.ts';
import { changeTo, isSteady } from './moving.ts';
import { areAlike, arePacesSure, paceOf } from './pace.ts';
import { boardsThere, knowledgeOf, stepsOfNowAndBest } from './planning.ts';
import { type FleetState, type OnlineBoard, onlineBoards, type RunState, stepsDone } from './state.ts';
import { knownBoards } from './surveying.ts';

type Weighed = Extract<Action, { kind: 'weigh' }>;

/** Steps of a term before its pace is believed, and between two looks for a better plan where no board has changed. */
const STEPS_TO_SEE = 4;
const STEPS_BETWEEN_LOOKS = 5;
/** Steps after which it is looked for even though some board's steps are still unlike its pace. */
const MOST_STEPS_BETWEEN_LOOKS = 10;
/** A step has to become this much shorter: less is within what is known of it. */
const LEAST_GAIN = 0.05;
/** What is gained over the horizon has to be this many times the cost of moving. */
const LEAST_RETURN = 2;
/** Before the first change of plan: what one costs, in steps. */
const USUAL_COST = 2;

/**
 * Whether another plan is so much better, by how long boards really take, that it is worth the move. Every answer is an
 * action, so that it is told with its numbers; moving is another one, after it.
 */
export function isAnotherPlanBetter(run: RunState, _now: number, state: FleetState): readonly Action[] {
  const { stopRequested, plan, request } = run;
  if (!isSteady(run) || stopRequested || !request.settings.adapts || plan === undefined || !isLookDue(run)) return [];
  const boards = knownBoards(run, boardsThere(request.settings.boards, onlineBoards(state)));
  const look = weigh(run, boards);
  if (look === undefined) return [];
  return look.worthIt ? [look, changeTo(run, boards, reasonOf(look))] : [look];
}

/** Every few steps, and as soon as a board has changed; but not while a change is seen that is not known yet. */
function isLookDue(run: RunState): boolean {
  const { request, weighedAt, pacesAtLook } = run;
  const { paces } = run.seen;
  const step = stepsDone(run);
  if (step === weighedAt || step - request.settings.fromStep < STEPS_TO_SEE) return false;
  const since = step - weighedAt;
  if (!arePacesSure(run)) return since >= MOST_STEPS_BETWEEN_LOOKS;
  const hasChanged = [...paces].some(([board, pace]) => !areAlike(pace, paceOf(pacesAtLook, board)));
  return hasChanged || since >= STEPS_BETWEEN_LOOKS;
}

/** What a step takes now, would take under the best plan with these boards, and whether that is worth the move. */
export function weigh(run: RunState, boards: readonly OnlineBoard[]): Weighed | undefined {
  const { request, plan } = run;
  const step = stepsDone(run);
  try {
    const [stepSeconds, bestStepSeconds] = stepsOfNowAndBest(request, boards, knowledgeOf(run), plan!);
    const moveSeconds = costOfMove(run, stepSeconds);
    const gained = horizonOf(run) * (stepSeconds - bestStepSeconds);
    const worthIt = bestStepSeconds < (1 - LEAST_GAIN) * stepSeconds && gained > LEAST_RETURN * moveSeconds;
    return { kind: 'weigh', step, stepSeconds, bestStepSeconds, moveSeconds, worthIt };
  } catch (error) {
    // A board of the plan has gone, or nothing fits any more: others deal with that.
    if (error instanceof PlannerError) return undefined;
    throw error;
  }
}

/**
 * Steps over which a change has to pay: those left, but no more than have passed since the last one. What boards have been
 * like for so long they are expected to be for as long again; so a plan is not changed again at once for a little.
 */
function horizonOf(run: RunState): number {
  const { finalStep, improvedAt = run.origin.fromStep } = run;
  const step = stepsDone(run);
  return Math.min(finalStep - step, step - improvedAt);
}

/** What the last change held training up for; all stages are loaded anew where none can be prepared beside it. */
function costOfMove({ gaveUp, startSeconds, moveSeconds }: RunState, stepSeconds: number): number {
  return gaveUp ? startSeconds : (moveSeconds ?? Math.min(startSeconds, USUAL_COST * stepSeconds));
}

export function wordsOf({ stepSeconds, bestStepSeconds, moveSeconds }: Weighed): string {
  const seconds = (value: number) => `${value.toPrecision(2)} s`;
  return `a step of ${seconds(stepSeconds)} would take ${seconds(bestStepSeconds)}, and a change ${seconds(moveSeconds)}`;
}

function reasonOf({ stepSeconds, bestStepSeconds }: Weighed): string {
  const share = Math.round(100 * (1 - bestStepSeconds / stepSeconds));
  return `boards have become faster or slower: another plan makes a step ${share} % shorter`;
}
