import { boardsOfEither } from '../index.ts';
import type { Action } from './actions.ts';
import { type Destination, expectedCost } from './capture-cost.ts';
import { replicates } from './replicas.ts';
import { type FleetState, type RunState, stepsDone } from './state.ts';

/** Boards have about this much work granted: more than a message's way to the hub and back, and soon stopped. */
const GRANTED_SECONDS = 1;
/** The same while the next plan is made ready. */
const BUILDING_SECONDS = 0.1;
/** One step in work and one to go on with. */
const LEAST_STEPS = 2;
const MOST_STEPS = 64;
/**
 * Where the pace is not given: state that goes to neighbours may cost one part in so many of the training, and the hub's
 * copies, which only two neighbours lost at once need, a quarter of that.
 */
const paces = {
  neighbours: { parts: 25, leastSeconds: 2 },
  hub: { parts: 100, leastSeconds: 10 },
} as const satisfies Record<Destination, { readonly parts: number; readonly leastSeconds: number }>;

/**
 * The next grant, where boards have used up half of the last. Checkpoints and the end fall on a grant's end, and only
 * one state is on its way to each destination: it bounds what boards and hub keep of it. One step goes on after it in any
 * case, and shows whether the state is sound: where every step is a boundary, that one is passed over.
 */
export function grantSteps(run: RunState, now: number, boards: FleetState['boards']): readonly Action[] {
  const { granted, capture, replication } = run;
  const finalStep = lastOfTerm(run);
  const done = stepsDone(run);
  const window = windowOf(run);
  if (granted >= finalStep || granted - done > window / 2) return [];
  const due = isReadyToChange(run) ? { hub: finalStep, neighbours: Infinity } : nextDue(run, now, boards);
  const toStep = Math.min(
    done + window,
    capture === undefined ? due.hub : Math.max(due.hub - 1, Math.min(capture.step + 1, finalStep - 1)),
    replication === undefined ? due.neighbours : Math.max(due.neighbours - 1, replication.step + 1),
  );
  if (toStep <= granted) return [];
  const isDue = { capture: toStep === due.hub, replicate: toStep === due.neighbours };
  return [
    {
      ...{ kind: 'grant', toStep },
      capture: capture === undefined && isDue.capture,
      replicate: replication === undefined && isDue.replicate,
    },
  ];
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

/** The next steps whose state goes to the hub (for a checkpoint, for its memory, as the last), and to neighbours. */
function nextDue(run: RunState, now: number, boards: FleetState['boards']): Readonly<Record<Destination, number>> {
  const { checkpointEverySteps = 0, replicateEverySteps = 0, captureEverySteps = 0 } = run.request.settings;
  const last = lastOfTerm(run);
  const isReplicated = replicates(run, boards);
  // Where nobody but the hub can hold the state, it does so as often as boards would.
  const instead = isReplicated ? Infinity : nextOf(run, 'hub', replicateEverySteps, paces.neighbours, now);
  const copies = Math.min(instead, nextOf(run, 'hub', captureEverySteps, paces.hub, now));
  const replica = isReplicated ? nextReplica(run, replicateEverySteps, now) : Infinity;
  return {
    hub: Math.min(last, multipleAfter(run.granted, checkpointEverySteps), copies),
    // The state with which a run ends, or boards change, is the hub's.
    neighbours: replica < last ? replica : Infinity,
  };
}

/** After a change of plan at once: state may be with boards that the plan does without. */
function nextReplica(run: RunState, every: number | 'auto', now: number): number {
  const { lastReplica, granted, request, origin } = run;
  const isChanged = lastReplica === undefined && request.settings.fromStep > origin.fromStep;
  return isChanged ? granted + 1 : nextOf(run, 'neighbours', every, paces.neighbours, now);
}

function nextOf(run: RunState, to: Destination, every: number | 'auto', pace: Pace, now: number): number {
  if (every !== 'auto') return multipleAfter(run.granted, every);
  return isWorthIt(run, to, pace, now) ? run.granted + 1 : Infinity;
}

function multipleAfter(step: number, every: number): number {
  return every === 0 ? Infinity : (Math.floor(step / every) + 1) * every;
}

type Pace = (typeof paces)[Destination];

/** A loss costs the steps since the last capture, so one is taken as soon as captures keep to their share. */
function isWorthIt(run: RunState, to: Destination, { parts, leastSeconds }: Pace, now: number): boolean {
  const { costs, phase, phaseSince, capture, replication } = run;
  // Boards need not wait for one that takes long.
  if ((to === 'hub' ? capture : replication) !== undefined) return false;
  const since = costs[to].begunAt ?? (phase === 'training' ? phaseSince : now);
  return now >= since + Math.max(leastSeconds, parts * expectedCost(run, to));
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
