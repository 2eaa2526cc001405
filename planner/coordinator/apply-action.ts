import type { Action } from './actions.ts';
import { newStage, propose, settle, take } from './apply-move.ts';
import { costsInNewTerm, costsWhenHeld } from './capture-cost.ts';
import { signatureOf } from './failure.ts';
import { nextCapturable } from './grants.ts';
import { withoutErrors } from './link-histories.ts';
import { withoutStep } from './metrics.ts';
import { seenUnder } from './pace.ts';
import { type CaptureState, type RunState, stepsDone } from './state.ts';
import { totalsOf } from './totals.ts';
import { askedAnew, withLast } from './transitions.ts';

/** What a decision changes by being taken: it is not taken again. */
export function applyAction(run: RunState, action: Action, at: number): RunState {
  switch (action.kind) {
    case 'survey':
      return applyAsking(run, action, at);
    case 'adopt': {
      const stages = action.plan.stages.map((stage) => newStage(stage, run, at));
      const { plan } = action;
      return {
        ...run,
        plan,
        stages,
        phase: 'opening',
        phaseSince: at,
        plannedAt: at,
        seen: seenUnder(run.seen, undefined, plan),
        pacesAtPlan: run.seen.paces,
        pacesAtLook: run.seen.paces,
        links: withoutErrors(run.links),
        widthsAt: run.request.settings.fromStep,
        progressAt: at,
        paused: undefined,
      };
    }
    case 'prepare':
      return { ...run, phase: 'preparing', sources: action.sources };
    case 'grant':
      return applyGrant(run, action, at);
    case 'clip': {
      const norms = new Map(run.norms);
      norms.delete(action.step);
      return { ...run, norms };
    }
    case 'announce':
      return { ...run, announced: action.step + 1, stepReports: withoutStep(run.stepReports, action.step) };
    case 'keep':
      return { ...run, capture: undefined, held: action.step, costs: costsWhenHeld(run, 'hub'), progressAt: at };
    case 'hold': {
      const { replica } = action;
      return { ...run, replication: undefined, replica, costs: costsWhenHeld(run, 'neighbours'), progressAt: at };
    }
    case 'write-checkpoint':
      return { ...run, writing: action.step };
    case 'miss':
      // It changes the board, not the run. [presence.ts]
      return run;
    case 'recover':
      return applyRecovery(run, action, at);
    case 'weigh':
      return {
        ...run,
        weighedAt: action.step,
        pacesAtLook: run.seen.paces,
        improvedAt: action.worthIt ? action.step : run.improvedAt,
      };
    case 'move':
      return { ...run, move: { step: nextCapturable(run), reason: action.reason } };
    case 'propose':
      return propose(run, action, at);
    case 'commit':
      return { ...run, next: { ...run.next!, phase: 'committed', step: action.step, committedAt: at } };
    case 'take':
      return take(run, at);
    case 'settle':
      return settle(run, action, at);
    case 'give-up':
      return { ...run, next: undefined, gaveUp: true };
    case 'weigh-widths':
      return { ...run, widthsAt: action.step };
    case 'encode':
      return applyWidths(run, action);
    case 'leave-out':
      return { ...run, leftOut: new Map(run.leftOut).set(action.board, action.onlineSince) };
    case 'pause':
      return { ...run, paused: action.reason };
    case 'stop':
      return { ...run, phase: 'stopping', phaseSince: at, outcome: action.outcome };
    case 'finish':
      return { ...run, phase: 'over', phaseSince: at };
    default:
      return action satisfies never;
  }
}

function applyAsking(run: RunState, { round, wishes }: Extract<Action, { kind: 'survey' }>, at: number): RunState {
  const awaited = new Set([...run.survey.awaited, ...wishes.keys()]);
  const askedAt = new Map([...run.survey.askedAt, ...[...wishes.keys()].map((board) => [board, at] as const)]);
  const survey = { ...run.survey, rounds: round + 1, awaited, askedAt };
  if (run.phase !== 'training') return { ...run, survey, phase: 'surveying', phaseSince: at, progressAt: at };
  // Others go on with training.
  const askedBeside = new Map(survey.askedBeside);
  for (const [board, { stages }] of wishes) {
    if (stages.length > 0) askedBeside.set(board, (askedBeside.get(board) ?? 0) + 1);
  }
  return { ...run, survey: { ...survey, askedBeside } };
}

/** Errors of the widths before say nothing of those after. */
function applyWidths(run: RunState, { codecs, floors }: Extract<Action, { kind: 'encode' }>): RunState {
  return {
    ...run,
    plan: run.plan && { ...run.plan, codecs },
    widthFloors: new Map([...run.widthFloors, ...floors]),
    links: withoutErrors(run.links),
    widthsAt: stepsDone(run),
  };
}

function applyGrant(
  run: RunState,
  { toStep, capture, replicate }: Extract<Action, { kind: 'grant' }>,
  at: number,
): RunState {
  const begins = run.phase === 'preparing';
  const wanted: CaptureState = {
    step: toStep,
    arrived: run.stages.map(() => new Set<string>()),
    reported: run.stages.map(() => false),
  };
  return {
    ...run,
    phase: 'training',
    phaseSince: begins ? at : run.phaseSince,
    trainingSince: run.trainingSince ?? at,
    doneAt: begins ? [at] : run.doneAt,
    startSeconds: begins ? at - run.plannedAt : run.startSeconds,
    lastStepAt: begins ? at : run.lastStepAt,
    granted: toStep,
    ...(capture ? { capture: wanted, lastCapture: toStep } : {}),
    ...(replicate ? { replication: { step: toStep, done: run.stages.map(() => false) }, lastReplica: toStep } : {}),
    // A grant is no progress, but boards had nothing to do before it.
    progressAt: begins ? at : run.progressAt,
    recoveries: begins ? withLast(run.recoveries, { trainingAt: at }) : run.recoveries,
  };
}

/** The run as it was after `fromStep` steps, in the next term and without boards. */
function applyRecovery(
  run: RunState,
  { failure, reason, fromStep }: Extract<Action, { kind: 'recover' }>,
  at: number,
): RunState {
  const { request, origin, held, replica } = run;
  const term = run.lastTerm + 1;
  const { settings } = request;
  const restores = fromStep > origin.fromStep || origin.restores;
  const recovery = {
    term,
    reason,
    signature: failure === undefined ? 'move' : signatureOf(failure),
    step: stepsDone(run),
    fromStep,
    heldBy: replica?.step === fromStep ? 'boards' : held === fromStep ? 'hub' : 'nobody',
    at,
  } as const;
  return {
    ...run,
    request: { ...request, term, restores, settings: { ...settings, fromStep } },
    phase: 'recovering',
    phaseSince: at,
    stages: [],
    granted: fromStep,
    // What only boards hold is no state to end with.
    lastCapture: held ?? origin.fromStep,
    capture: undefined,
    replication: undefined,
    // One that could not be had is of a future that is done again.
    replica: replica !== undefined && replica.step <= fromStep ? replica : undefined,
    lastReplica: undefined,
    sources: [],
    costs: costsInNewTerm(run),
    move: undefined,
    next: undefined,
    gaveUp: false,
    lastTerm: term,
    norms: new Map(),
    survey: askedAnew(run.survey),
    stepReports: new Map(),
    losses: run.losses.slice(0, fromStep - origin.fromStep),
    weighedAt: fromStep,
    doneAt: [],
    progressAt: at,
    suspects: [],
    recoveries: [...run.recoveries, recovery],
    totalsBefore: totalsOf(run),
  };
}
