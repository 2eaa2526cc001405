import { PlannerError } from '../index.ts';
import type { Action } from './actions.ts';
import { changeTo, isSteady } from './moving.ts';
import { boardsThere, knowledgeOf, stepsOfNowAndBest } from './planning.ts';
import { type FleetState, type OnlineBoard, onlineBoards, type RunState, stepsDone } from './state.ts';
import { knownBoards } from './surveying.ts';

type Weighed = Extract<Action, { kind: 'weigh' }>;

/** Steps of a term before its pace is believed, and between two looks for a better plan. */
const STEPS_TO_SEE = 4;
const STEPS_BETWEEN_LOOKS = 5;
/** After a plan was changed for a better one, it stays for so many steps at least. */
const STEPS_BETWEEN_MOVES = 20;
/** A step has to become this much shorter: less is within what is known of it. */
const LEAST_GAIN = 0.1;
/** What is gained over the rest of the run has to be this many times the cost of moving. */
const LEAST_RETURN = 2;

/**
 * Whether another plan is so much better, by how long boards really take, that it is worth the move. Every answer is an
 * action, so that it is told with its numbers; moving is another one, after it.
 */
export function isAnotherPlanBetter(run: RunState, _now: number, state: FleetState): readonly Action[] {
  const { stopRequested, plan, request, weighedAt, improvedAt } = run;
  if (!isSteady(run) || stopRequested || !request.settings.adapts) return [];
  const step = stepsDone(run);
  const isKnown = step - request.settings.fromStep >= STEPS_TO_SEE;
  if (plan === undefined || !isKnown || step - weighedAt < STEPS_BETWEEN_LOOKS) return [];
  const boards = knownBoards(run, boardsThere(request.settings.boards, onlineBoards(state)));
  const weighed = weigh(run, boards);
  if (weighed === undefined) return [];
  const isSoon = improvedAt !== undefined && step - improvedAt < STEPS_BETWEEN_MOVES;
  const look = { ...weighed, worthIt: weighed.worthIt && !isSoon };
  return look.worthIt ? [look, changeTo(run, boards, reasonOf(look))] : [look];
}

/** What a step takes now, would take under the best plan with these boards, and whether that is worth the move. */
export function weigh(run: RunState, boards: readonly OnlineBoard[]): Weighed | undefined {
  const { request, plan, finalStep, startSeconds: moveSeconds } = run;
  const step = stepsDone(run);
  try {
    const [stepSeconds, bestStepSeconds] = stepsOfNowAndBest(request, boards, knowledgeOf(run), plan!);
    const gained = (finalStep - step) * (stepSeconds - bestStepSeconds);
    const worthIt = bestStepSeconds < (1 - LEAST_GAIN) * stepSeconds && gained > LEAST_RETURN * moveSeconds;
    return { kind: 'weigh', step, stepSeconds, bestStepSeconds, moveSeconds, worthIt };
  } catch (error) {
    // A board of the plan has gone, or nothing fits any more: others deal with that.
    if (error instanceof PlannerError) return undefined;
    throw error;
  }
}

export function wordsOf({ stepSeconds, bestStepSeconds, moveSeconds }: Weighed): string {
  const seconds = (value: number) => `${value.toPrecision(2)} s`;
  return `a step of ${seconds(stepSeconds)} would take ${seconds(bestStepSeconds)}, and a change ${seconds(moveSeconds)}`;
}

function reasonOf({ stepSeconds, bestStepSeconds }: Weighed): string {
  const share = Math.round(100 * (1 - bestStepSeconds / stepSeconds));
  return `boards have become faster or slower: another plan makes a step ${share} % shorter`;
}
