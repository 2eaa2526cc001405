import type { DeviceState } from '../../broker/index.ts';
import { applyAction } from './apply-action.ts';
import { applyReport, applyTensor } from './apply-report.ts';
import { noCaptures } from './capture-cost.ts';
import type { Event } from './events.ts';
import { nextCapturable } from './grants.ts';
import { nothingSeen } from './pace.ts';
import { hearBeat, missBeat, wakeUp } from './presence.ts';
import type { FleetState, RunRequest, RunState } from './state.ts';
import { fail, ignore, leave, withBoard } from './transitions.ts';

/** What the fleet's state is after an event. Pure: the same events in the same order give the same state. */
export function apply(before: FleetState, event: Event): FleetState {
  const state = wakeUp(before, event.at);
  const { run } = state;
  switch (event.kind) {
    case 'clock':
      return state;
    case 'device-state':
      return applyDeviceState(state, event.board, event.message);
    case 'device-profile': {
      const { cores, memoryBytes } = event.message;
      return withBoard(state, event.board, { ...state.boards.get(event.board), profile: { cores, memoryBytes } });
    }
    case 'device-service': {
      const drained = event.message.kind === 'drained';
      const known = state.boards.get(event.board);
      const returns = known?.drained === true && !drained;
      return withBoard(state, event.board, { ...known, drained, ...(returns ? { onlineSince: event.at } : {}) });
    }
    case 'heartbeat':
      return hearBeat(state, event.board);
    case 'report':
      return applyReport(state, event.board, event.report);
    case 'tensor-captured':
      return applyTensor(state, event.board, event.term, event.tensor);
    case 'start-requested':
      return { ...state, run: newRun(event.request, event.at) };
    case 'decided':
      if (event.action.kind === 'miss') return missBeat(state, event.action);
      return run === undefined ? state : { ...state, run: applyAction(run, event.action, event.at) };
    case 'stop-requested':
      return run === undefined ? state : { ...state, run: requestStop(run) };
    case 'captures-opened':
      if (run?.phase !== 'opening' || event.term !== run.request.term) return ignore(state, 'not-expected');
      return { ...state, run: { ...run, phase: 'opened' } };
    case 'restore-failed': {
      const stage = run?.stages.find(({ board }) => board === event.board);
      if (run === undefined || stage === undefined || event.term !== run.request.term)
        return ignore(state, 'not-expected');
      const { step } = stage;
      return fail(state, run, { kind: 'failed', stage: stage.stage, step, error: event.error });
    }
    case 'checkpoint-written': {
      const { step, path } = event;
      if (run?.writing !== step) return ignore(state, 'not-expected');
      return { ...state, run: { ...run, writing: undefined, checkpoint: { step, path }, progressAt: event.at } };
    }
    case 'hub-failed':
      if (run === undefined) return ignore(state, 'no-run');
      // The capture is given up, so that the end does not wait for a checkpoint that cannot be written.
      return fail(
        state,
        { ...run, capture: undefined, replication: undefined, writing: undefined },
        { kind: 'hub', error: event.error },
      );
    default:
      return event satisfies never;
  }
}

function newRun(request: RunRequest, at: number): RunState {
  const { fromStep, steps } = request.settings;
  return {
    request,
    origin: { fromStep, restores: request.restores },
    phase: 'gathering',
    phaseSince: at,
    stopRequested: false,
    seen: nothingSeen,
    pacesAtPlan: new Map(),
    pacesAtLook: new Map(),
    links: new Map(),
    widthFloors: new Map(),
    widthsAt: fromStep,
    weighedAt: fromStep,
    improvedAt: undefined,
    startSeconds: 0,
    moveSeconds: undefined,
    survey: {
      rounds: 0,
      awaited: new Set(),
      surveys: new Map(),
      problems: new Map(),
      askedAt: new Map(),
      askedBeside: new Map(),
    },
    plan: undefined,
    stages: [],
    granted: fromStep,
    lastCapture: fromStep,
    finalStep: steps,
    capture: undefined,
    held: undefined,
    replication: undefined,
    replica: undefined,
    lastReplica: undefined,
    sources: [],
    costs: noCaptures,
    move: undefined,
    next: undefined,
    gaveUp: false,
    lastTerm: request.term,
    plannedAt: at,
    leftOut: new Map(),
    writing: undefined,
    checkpoint: undefined,
    norms: new Map(),
    losses: [],
    announced: fromStep,
    stepReports: new Map(),
    doneAt: [],
    trainingSince: undefined,
    lastStepAt: at,
    progressAt: at,
    suspects: [],
    recoveries: [],
    paused: undefined,
    totalsBefore: {},
    outcome: undefined,
  };
}

function requestStop(run: RunState): RunState {
  if (run.stopRequested || run.phase !== 'training') return { ...run, stopRequested: true };
  return { ...run, stopRequested: true, finalStep: Math.min(run.finalStep, nextCapturable(run)) };
}

function applyDeviceState(state: FleetState, board: string, message: DeviceState): FleetState {
  // Heartbeats of an earlier connection count no more.
  const { online, beatAt: _, silent: __, ...known } = state.boards.get(board) ?? {};
  switch (message.kind) {
    case 'online': {
      const { dataUrl, pid } = message;
      const { onlineSince = state.now } = online === undefined ? {} : known;
      const next = withBoard(state, board, { ...known, onlineSince, online: { dataUrl, pid } });
      const restarted = online !== undefined && (online.pid !== pid || online.dataUrl !== dataUrl);
      return restarted ? leave(next, board, 'was restarted') : next;
    }
    case 'offline':
      return leave(withBoard(state, board, known), board, `went offline (${message.reason})`);
    case 'lost':
      return leave(withBoard(state, board, known), board, 'was lost: its process or its connection ended');
    default:
      return message satisfies never;
  }
}
