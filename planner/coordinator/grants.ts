import { boardsOfEither } from '../index.ts';
import type { Action } from './actions.ts';
import { expectedCost } from './capture-cost.ts';
import { type RunState, stepsDone } from './state.ts';

/** Boards have about this much work granted: more than a message's way to the hub and back, and soon stopped. */
const GRANTED_SECONDS = 1;
/** The same while the next plan is made ready. */
const BUILDING_SECONDS = 0.1;
/** One step in work and one to go on with. */
const LEAST_STEPS = 2;
const MOST_STEPS = 64;
/** Where the pace of captures is not given: they may cost one part in so many of the training. */
const CAPTURE_PARTS = 20;
const LEAST_CAPTURE_SECONDS = 2;

/**
 * The next grant, where boards have used up half of the last. Checkpoints and the end fall on a grant's end, and only
 * one state is on its way up at a time: it bounds what boards and hub keep of it. One step goes on after it in any case,
 * and shows whether the state is sound: where every step is a boundary, that one is passed over.
 */
export function grantSteps(run: RunState, now: number): readonly Action[] {
  const { granted, capture } = run;
  const finalStep = lastOfTerm(run);
  const done = stepsDone(run);
  const window = windowOf(run);
  if (granted >= finalStep || granted - done > window / 2) return [];
  const boundary = isReadyToChange(run) ? finalStep : nextBoundary(run, now);
  const reach = capture === undefined ? boundary : Math.max(boundary - 1, Math.min(capture.step + 1, finalStep - 1));
  const toStep = Math.min(done + window, reach);
  const captures = capture === undefined && toStep === boundary;
  return toStep > granted ? [{ kind: 'grant', toStep, capture: captures }] : [];
}

/**
 * Steps that may be granted ahead, by the speed of the latest ones. The change to a next plan has to wait for what is granted:
 * fewer are while it is made ready.
 */
function windowOf({ doneAt, next }: RunState): number {
  const isBuilding = next?.phase === 'building';
  const least = isBuilding ? 1 : LEAST_STEPS;
  const seconds = (doneAt.at(-1) ?? 0) - (doneAt[0] ?? 0);
  if (doneAt.length < 2 || seconds <= 0) return least;
  const granted = isBuilding ? BUILDING_SECONDS : GRANTED_SECONDS;
  const steps = Math.ceil((granted * (doneAt.length - 1)) / seconds);
  return Math.min(MOST_STEPS, Math.max(least, steps));
}

/** The next step at which state is captured: for a checkpoint, for the hub's memory, or as the last. */
function nextBoundary(run: RunState, now: number): number {
  const { checkpointEverySteps = 0, replicateEverySteps = 0 } = run.request.settings;
  const replica =
    replicateEverySteps === 'auto' ? whenWorthIt(run, now) : multipleAfter(run.granted, replicateEverySteps);
  return Math.min(lastOfTerm(run), multipleAfter(run.granted, checkpointEverySteps), replica);
}

function multipleAfter(step: number, every: number): number {
  return every === 0 ? Infinity : (Math.floor(step / every) + 1) * every;
}

/** A loss costs the steps since the last capture, so the hub takes one as soon as captures keep to their share. */
function whenWorthIt(run: RunState, now: number): number {
  const { captureCost, phase, phaseSince, granted } = run;
  const since = captureCost.begunAt ?? (phase === 'training' ? phaseSince : now);
  const wait = Math.max(LEAST_CAPTURE_SECONDS, CAPTURE_PARTS * expectedCost(run));
  return now >= since + wait ? granted + 1 : Infinity;
}

/** Where the run ends, or its boards change before. */
function lastOfTerm({ finalStep, move, next }: RunState): number {
  const change = next?.phase === 'committed' ? next.step : Infinity;
  return Math.min(finalStep, move?.step ?? Infinity, change);
}

/** The next plan waits only for the state that is on its way up: no other is begun before the change. */
function isReadyToChange({ next }: RunState): boolean {
  return next?.phase === 'building' && next.ready.size === boardsOfEither(next.before, next.plan).length;
}

/**
 * Boards can only be told to capture at a step that they have not reached, so it is one step after the last one granted,
 * unless that one is captured already.
 */
export function nextCapturable({ granted, lastCapture }: RunState): number {
  return granted === lastCapture ? granted : granted + 1;
}
