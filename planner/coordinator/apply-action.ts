import type { Plan } from '../index.ts';
import type { Action } from './actions.ts';
import type { CaptureState, RunState, StageState } from './state.ts';
import type { BoardTotals } from './types.ts';

const noTotals: BoardTotals = {
  computeSeconds: 0,
  overheadSeconds: 0,
  waitSeconds: 0,
  wallSeconds: 0,
  bytesSent: 0,
  bytesReceived: 0,
  bytesSentTo: {},
};

/** What a decision changes by being taken: it is not taken again. */
export function applyAction(run: RunState, action: Action, at: number): RunState {
  switch (action.kind) {
    case 'survey': {
      const survey = { ...run.survey, rounds: action.round + 1, awaited: new Set(action.wishes.keys()) };
      return { ...run, survey, phase: 'surveying', phaseSince: at, progressAt: at };
    }
    case 'adopt': {
      const stages = action.plan.stages.map((stage) => newStage(stage, run.request.settings.fromStep, at));
      return { ...run, plan: action.plan, stages, phase: 'opening', phaseSince: at, progressAt: at };
    }
    case 'prepare':
      return { ...run, phase: 'preparing' };
    case 'grant':
      return applyGrant(run, action.toStep, action.capture, at);
    case 'clip': {
      const norms = new Map(run.norms);
      norms.delete(action.step);
      return { ...run, norms };
    }
    case 'announce':
      return { ...run, announced: action.step + 1 };
    case 'write-checkpoint':
      return run.capture === undefined ? run : { ...run, capture: { ...run.capture, writing: true } };
    case 'stop':
      return { ...run, phase: 'stopping', phaseSince: at, outcome: action.outcome };
    case 'finish':
      return { ...run, phase: 'over', phaseSince: at };
    default:
      return action satisfies never;
  }
}

function newStage(
  { stage, board, firstBlock, lastBlock }: Plan['stages'][number],
  step: number,
  at: number,
): StageState {
  const heard = 'was chosen';
  const fresh = { prepared: false, step, heardAt: at, heard, stopped: false, totals: noTotals };
  return { stage, board, firstBlock, lastBlock, ...fresh };
}

function applyGrant(run: RunState, toStep: number, capture: boolean, at: number): RunState {
  const begins = run.phase === 'preparing';
  const wanted: CaptureState = {
    step: toStep,
    arrived: run.stages.map(() => new Set<string>()),
    reported: run.stages.map(() => false),
    writing: false,
  };
  return {
    ...run,
    phase: 'training',
    phaseSince: begins ? at : run.phaseSince,
    trainingSince: run.trainingSince ?? at,
    doneAt: begins ? [at] : run.doneAt,
    lastStepAt: begins ? at : run.lastStepAt,
    granted: toStep,
    ...(capture ? { capture: wanted, lastCapture: toStep } : {}),
    // A grant is no progress, but boards had nothing to do before it.
    progressAt: begins ? at : run.progressAt,
  };
}
