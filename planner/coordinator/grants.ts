import type { Action } from './actions.ts';
import { type RunState, stepsDone } from './state.ts';

/** Boards have about this much work granted: more than a message's way to the hub and back, and soon stopped. */
const GRANTED_SECONDS = 1;
/** One step in work and one to go on with. */
const LEAST_STEPS = 2;
const MOST_STEPS = 64;

/**
 * The next grant, where boards have used up half of the last. Checkpoints and the end fall on a grant's end, and only
 * one state is on its way up at a time: it bounds what boards and hub keep of it. One step goes on after it in any case,
 * and shows whether the state is sound: where every step is a boundary, that one is passed over.
 */
export function grantSteps(run: RunState): readonly Action[] {
  const { granted, finalStep, capture } = run;
  const done = stepsDone(run);
  const window = windowOf(run);
  if (granted >= finalStep || granted - done > window / 2) return [];
  const boundary = nextBoundary(run);
  const reach = capture === undefined ? boundary : Math.max(boundary - 1, Math.min(capture.step + 1, finalStep - 1));
  const toStep = Math.min(done + window, reach);
  const captures = capture === undefined && toStep === boundary;
  return toStep > granted ? [{ kind: 'grant', toStep, capture: captures }] : [];
}

/** Steps that may be granted ahead, by the speed of the latest ones. */
function windowOf({ doneAt }: RunState): number {
  const seconds = (doneAt.at(-1) ?? 0) - (doneAt[0] ?? 0);
  if (doneAt.length < 2 || seconds <= 0) return LEAST_STEPS;
  const steps = Math.ceil((GRANTED_SECONDS * (doneAt.length - 1)) / seconds);
  return Math.min(MOST_STEPS, Math.max(LEAST_STEPS, steps));
}

/** The next step at which state is captured. */
function nextBoundary({ granted, finalStep, request }: RunState): number {
  const every = request.settings.checkpointEverySteps ?? 0;
  return every === 0 ? finalStep : Math.min(finalStep, (Math.floor(granted / every) + 1) * every);
}
