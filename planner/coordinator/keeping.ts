import type { Action } from './actions.ts';
import { isCaptured } from './failure.ts';
import type { RunState } from './state.ts';
import { isLive } from './transitions.ts';

/**
 * A state that is complete is kept, once it has been seen to give a finite loss (where another step was granted): a
 * checkpoint that leads straight to a NaN is no good one. Asked before anything else can end the run.
 */
export function isStateComplete(run: RunState): readonly Action[] {
  const { capture, stages, suspects, granted } = run;
  if (!isLive(run) || capture === undefined) return [];
  const { step } = capture;
  if (suspects.some(({ failure }) => failure.kind === 'not-finite' && failure.step <= step)) return [];
  const complete = stages.every((stage) => stage.step >= step && isCaptured(run, stage.stage));
  const proven = granted <= step || stages.at(-1)!.step > step || suspects.length > 0;
  return complete && proven ? [{ kind: 'keep', step }] : [];
}

/** Of the states that are held, the first at or after each multiple goes to the disk, and the last of the run. */
export function isCheckpointDue(run: RunState): readonly Action[] {
  const { held, checkpoint, writing, request, origin, finalStep, stopRequested, phase } = run;
  if (!isLive(run) || held === undefined || writing !== undefined || held === checkpoint?.step) return [];
  const every = request.settings.checkpointEverySteps ?? 0;
  const multiples = (step: number): number => (every === 0 ? 0 : Math.floor(step / every));
  const isFinal = held >= finalStep || (stopRequested && phase !== 'training');
  const isDue = isFinal || multiples(held) > multiples(checkpoint?.step ?? origin.fromStep);
  return isDue ? [{ kind: 'write-checkpoint', step: held }] : [];
}
