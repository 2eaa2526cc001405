import type { DeviceState } from '../../broker/index.ts';
import { applyAction } from './apply-action.ts';
import { applyReport, applyTensor } from './apply-report.ts';
import type { Event } from './events.ts';
import type { BoardState, Failure, FleetState, RunRequest, RunState } from './state.ts';
import { ignore, suspect, withStage } from './transitions.ts';

/** What the fleet's state is after an event. Pure: the same events in the same order give the same state. */
export function apply(before: FleetState, event: Event): FleetState {
  const state = { ...before, now: event.at };
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
    case 'report':
      return applyReport(state, event.board, event.report);
    case 'tensor-captured':
      return applyTensor(state, event.board, event.term, event.tensor);
    case 'start-requested':
      return { ...state, run: newRun(event.request, event.at) };
    case 'decided':
      return run === undefined ? state : { ...state, run: applyAction(run, event.action, event.at) };
    case 'stop-requested':
      return run === undefined ? state : { ...state, run: requestStop(run) };
    case 'captures-opened':
      return run?.phase === 'opening' ? { ...state, run: { ...run, phase: 'opened' } } : ignore(state, 'not-expected');
    case 'restore-failed': {
      const stage = run?.stages.find(({ board }) => board === event.board);
      if (run === undefined || stage === undefined) return ignore(state, 'not-expected');
      const { step } = stage;
      return fail(state, run, { kind: 'failed', stage: stage.stage, step, error: event.error });
    }
    case 'checkpoint-written': {
      const { step, path } = event;
      if (run?.capture?.step !== step) return ignore(state, 'not-expected');
      return { ...state, run: { ...run, capture: undefined, checkpoint: { step, path }, progressAt: event.at } };
    }
    case 'hub-failed':
      if (run === undefined) return ignore(state, 'no-run');
      // The capture is given up, so that the end does not wait for a checkpoint that cannot be written.
      return fail(state, { ...run, capture: undefined }, { kind: 'hub', error: event.error });
    default:
      return event satisfies never;
  }
}

function newRun(request: RunRequest, at: number): RunState {
  const { fromStep, steps } = request.settings;
  return {
    request,
    phase: 'gathering',
    phaseSince: at,
    stopRequested: false,
    survey: { rounds: 0, awaited: new Set(), surveys: new Map(), problems: new Map() },
    plan: undefined,
    stages: [],
    granted: fromStep,
    lastCapture: fromStep,
    finalStep: steps,
    capture: undefined,
    checkpoint: undefined,
    norms: new Map(),
    losses: [],
    announced: fromStep,
    doneAt: [],
    trainingSince: undefined,
    lastStepAt: at,
    progressAt: at,
    suspects: [],
    outcome: undefined,
  };
}

/**
 * Boards can only be told to capture at a step that they have not reached, so the end is one step after the last one
 * granted, unless that one is captured already.
 */
function requestStop(run: RunState): RunState {
  const { granted, lastCapture, finalStep } = run;
  if (run.stopRequested || run.phase !== 'training') return { ...run, stopRequested: true };
  const end = granted === lastCapture ? granted : Math.min(finalStep, granted + 1);
  return { ...run, stopRequested: true, finalStep: end };
}

function applyDeviceState(state: FleetState, board: string, message: DeviceState): FleetState {
  const { online, ...known } = state.boards.get(board) ?? {};
  switch (message.kind) {
    case 'online': {
      const { dataUrl, pid } = message;
      const next = withBoard(state, board, { ...known, online: { dataUrl, pid } });
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

/** A board of the run is gone: that ends the run, or is as good as having stopped. */
function leave(state: FleetState, board: string, how: string): FleetState {
  const { run } = state;
  // Boards are gathered anew, and those that have measured themselves need not do it again.
  if (run?.phase === 'surveying' && run.survey.awaited.has(board)) {
    return { ...state, run: { ...run, phase: 'gathering', phaseSince: state.now } };
  }
  const stage = run?.stages.find((candidate) => candidate.board === board);
  if (run === undefined || stage === undefined) return state;
  // It will not say that it has stopped.
  const gone = withStage(run, stage.stage, { stopped: true });
  return fail(state, gone, { kind: 'lost', stage: stage.stage, step: stage.step, how });
}

function fail(state: FleetState, run: RunState, failure: Failure): FleetState {
  return { ...state, run: suspect(run, failure, state.now) };
}

function withBoard(state: FleetState, id: string, board: BoardState): FleetState {
  return { ...state, boards: new Map(state.boards).set(id, board) };
}
