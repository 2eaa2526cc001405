import type { Action } from './actions.ts';
import { isCaptured } from './failure.ts';
import { replicaOf } from './replicas.ts';
import type { FleetState, RunState } from './state.ts';
import { isLive } from './transitions.ts';

/**
 * A state that is complete is kept, once it has been seen to give a finite loss (where another step was granted): a
 * checkpoint that leads straight to a NaN is no good one. Asked before anything else can end the run.
 */
export function isStateComplete(run: RunState): readonly Action[] {
  const { capture, stages } = run;
  if (!isLive(run) || capture === undefined || !isSound(run, capture.step)) return [];
  const { step } = capture;
  const complete = stages.every((stage) => stage.step >= step && isCaptured(run, stage.stage));
  return complete ? [{ kind: 'keep', step }] : [];
}

/** The same for a state that goes to neighbours. */
export function isReplicaComplete(run: RunState, _now: number, { boards }: FleetState): readonly Action[] {
  const { replication, stages } = run;
  if (!isLive(run) || replication === undefined || !isSound(run, replication.step)) return [];
  const { step, done } = replication;
  const complete = stages.every((stage) => stage.step >= step && done[stage.stage]);
  return complete ? [{ kind: 'hold', replica: replicaOf(step, stages, boards) }] : [];
}

/** The step after it gave a finite loss, or none is to come. */
function isSound({ stages, suspects, granted }: RunState, step: number): boolean {
  if (suspects.some(({ failure }) => failure.kind === 'not-finite' && failure.step <= step)) return false;
  return granted <= step || stages.at(-1)!.step > step || suspects.length > 0;
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
