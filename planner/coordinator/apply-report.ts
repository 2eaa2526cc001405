import type { DeviceReport } from '../../broker/index.ts';
import { type BoardSurvey, parseSurvey, STATE_NOT_HELD } from '../index.ts';
import { applyNextReport } from './apply-move.ts';
import { costsAfterStep } from './capture-cost.ts';
import type { CapturedTensor } from './events.ts';
import { linksAfter } from './link-histories.ts';
import { withStepReport } from './metrics.ts';
import { seenAfter } from './pace.ts';
import { afterRecheck } from './rechecking.ts';
import { withoutHolder } from './replicas.ts';
import {
  type Failure,
  type FleetState,
  type IgnoreReason,
  type RunState,
  type StageState,
  stepsDone,
} from './state.ts';
import { addTotals } from './totals.ts';
import { ignore, isGiver, isLive, suspect, withLast, without, withStage } from './transitions.ts';

type StageReport = Exclude<DeviceReport, { kind: 'surveyed' | 'ready' | 'moved' }>;
type Report<Kind extends DeviceReport['kind']> = Extract<DeviceReport, { kind: Kind }>;
/** The run after a report, or why the report changes nothing. */
type Changed = RunState | IgnoreReason;

/** How many steps the speed is averaged over. */
const SPEED_STEPS = 16;

/** What a board says of a run counts only for the run and term at hand, and only from the board that holds the stage. */
export function applyReport(state: FleetState, board: string, report: DeviceReport): FleetState {
  const { run } = state;
  if (run === undefined) return ignore(state, 'no-run');
  if (report.run !== run.request.settings.run) return ignore(state, 'other-run');
  const ofNext = isLive(run) ? applyNextReport(run, board, report, state.now) : undefined;
  if (typeof ofNext === 'string') return ignore(state, ofNext);
  if (ofNext !== undefined) return { ...state, run: ofNext };
  if (report.term !== run.request.term) return ignore(state, 'other-term');
  if (report.kind === 'ready' || report.kind === 'moved') return ignore(state, 'not-expected');
  if (report.kind === 'surveyed') return applySurvey(state, run, board, report);
  if (report.kind === 'failed' && isGiver(run, board))
    return { ...state, run: afterGiving(run, board, report, state.now) };
  const stage = run.stages[report.stage];
  if (stage?.board !== board) return ignore(state, 'not-its-stage');
  if (!isLive(run) && report.kind !== 'stopped') return ignore(state, 'after-the-end');
  const changed = changedBy(run, stage, report, state.now);
  return typeof changed === 'string' ? ignore(state, changed) : { ...state, run: changed };
}

/** What a board has measured takes the place of what it had measured before, but for what it was not asked again. */
function applySurvey(state: FleetState, run: RunState, board: string, report: Report<'surveyed'>): FleetState {
  const { survey: known } = run;
  if (!isLive(run) || report.round !== known.rounds - 1 || !known.awaited.has(board)) {
    return ignore(state, 'not-expected');
  }
  const left = without(known, board);
  const found = surveyOf(report);
  const before = known.surveys.get(board);
  if (run.phase === 'training' && before !== undefined) {
    const answered = { ...run, survey: left };
    if ('problem' in found) return { ...state, run: answered };
    return { ...state, run: { ...answered, ...afterRecheck(answered, board, { before, found }) } };
  }
  const survey =
    'problem' in found
      ? { ...left, problems: new Map(known.problems).set(board, found.problem) }
      : { ...left, surveys: new Map(known.surveys).set(board, merged(before, found)) };
  // While others train, it is they who have to make progress.
  const progressAt = run.phase === 'surveying' ? state.now : run.progressAt;
  return { ...state, run: { ...run, survey, progressAt } };
}

function merged(before: BoardSurvey | undefined, found: BoardSurvey): BoardSurvey {
  const links = found.links.length > 0 ? found.links : (before?.links ?? []);
  return { ...before, ...found, links };
}

function surveyOf({ survey, problem = 'it gave no reason' }: Report<'surveyed'>): BoardSurvey | { problem: string } {
  if (survey === null) return { problem };
  try {
    return parseSurvey(survey);
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function changedBy(run: RunState, stage: StageState, report: StageReport, at: number): Changed {
  switch (report.kind) {
    case 'prepared':
      if (run.phase !== 'preparing') return 'not-expected';
      return stage.prepared ? 'repeated' : hear(run, stage, at, 'was prepared', { prepared: true });
    case 'step':
      return afterStep(run, stage, report, at);
    case 'norms':
      return afterNorms(run, stage, report, at);
    case 'captured':
      return afterCapture(run, stage, report, at);
    case 'replicated':
      return afterReplica(run, stage, report, at);
    case 'failed':
      return suspect(withoutFalseHolder(run, stage.board, report), failureOf(report), at);
    case 'stopped': {
      if (!isLive(run)) return withStage(run, stage.stage, { stopped: true });
      const error = { code: 'STOPPED', message: 'it gave up the run without being told to' };
      return suspect(run, { kind: 'failed', stage: stage.stage, step: stage.step, error }, at);
    }
    default:
      return report satisfies never;
  }
}

function failureOf({ stage, step, error }: Report<'failed'>): Failure {
  return error.code === 'LOSS_NOT_FINITE'
    ? { kind: 'not-finite', stage, step, what: 'the loss' }
    : { kind: 'failed', stage, step, error };
}

function afterStep(run: RunState, stage: StageState, report: Report<'step'>, at: number): Changed {
  const { step, loss } = report;
  if (step < stage.step) return 'repeated';
  if (step > stage.step || step >= run.granted) {
    const message = `it reported step ${step} when step ${stage.step} of ${run.granted} granted ones was next`;
    return suspect(run, { kind: 'failed', stage: stage.stage, step, error: { code: 'REPORT_ORDER', message } }, at);
  }
  const isLast = stage.stage === run.stages.length - 1;
  if (isLast && loss === null)
    return suspect(run, { kind: 'not-finite', stage: stage.stage, step, what: 'the loss' }, at);
  const next = hear(run, stage, at, `finished step ${step}`, {
    step: step + 1,
    totals: addTotals(stage.totals, report, run),
  });
  const done = stepsDone(next) > stepsDone(run);
  return {
    ...next,
    costs: done ? costsAfterStep(run, stepsDone(next), at) : run.costs,
    seen: seenAfter(run, stage, report),
    stepReports: withStepReport(run, stage, report),
    links: linksAfter(run, stage, report),
    losses: isLast ? [...run.losses, loss!] : run.losses,
    doneAt: done ? [...run.doneAt, at].slice(-1 - SPEED_STEPS) : run.doneAt,
    lastStepAt: done ? at : run.lastStepAt,
    recoveries: hasCaughtUp(next) ? withLast(run.recoveries, { caughtUpAt: at }) : run.recoveries,
  };
}

function hasCaughtUp(run: RunState): boolean {
  const last = run.recoveries.at(-1);
  return last !== undefined && last.caughtUpAt === undefined && stepsDone(run) >= last.step;
}

function afterNorms(run: RunState, stage: StageState, report: Report<'norms'>, at: number): Changed {
  const { step, squaredNorms } = report;
  const known = run.norms.get(step) ?? run.stages.map(() => undefined);
  if (step < stage.step || known[stage.stage] !== undefined) return 'repeated';
  if (step > stage.step || step >= run.granted) return 'not-expected';
  const next = known.map((norms, index) => (index === stage.stage ? squaredNorms : norms));
  return { ...hear(run, stage, at, `sent the norms of step ${step}`, {}), norms: new Map(run.norms).set(step, next) };
}

function afterCapture(run: RunState, stage: StageState, report: Report<'captured'>, at: number): Changed {
  const { capture, request } = run;
  const { step, tensors } = report;
  if (capture?.step !== step) return 'not-expected';
  if (capture.reported[stage.stage]) return 'repeated';
  const expected = request.layout.slice(stage.firstBlock, stage.lastBlock + 1).flat().length;
  if (tensors !== expected) {
    const message = `it sent ${tensors} tensors of state, but its blocks have ${expected}`;
    return suspect(
      run,
      { kind: 'failed', stage: stage.stage, step, error: { code: 'CAPTURE_INCOMPLETE', message } },
      at,
    );
  }
  const reported = capture.reported.map((said, index) => said || index === stage.stage);
  return { ...hear(run, stage, at, `sent the state of step ${step}`, {}), capture: { ...capture, reported } };
}

function afterReplica(run: RunState, stage: StageState, { step }: Report<'replicated'>, at: number): Changed {
  const { replication } = run;
  if (replication?.step !== step) return 'not-expected';
  if (replication.done[stage.stage]) return 'repeated';
  const done = replication.done.map((said, index) => said || index === stage.stage);
  return { ...hear(run, stage, at, `gave its neighbour the state of step ${step}`, {}), replication: { step, done } };
}

/** Another run, or none, has had the board meanwhile. */
function withoutFalseHolder(run: RunState, board: string, { error }: Report<'failed'>): RunState {
  return error.code === STATE_NOT_HELD ? { ...run, replica: withoutHolder(run.replica, board) } : run;
}

/** A board without a stage cannot give what others are to get of it. */
function afterGiving(run: RunState, board: string, report: Report<'failed'>, at: number): RunState {
  const { step, error } = report;
  const how = `failed: ${error.message} [${error.code}]`;
  return suspect(withoutFalseHolder(run, board, report), { kind: 'handover', board, step, how }, at);
}

/** A tensor counts where it was asked for, is what its block has at this slot, and has not come before. */
export function applyTensor(state: FleetState, board: string, term: number, tensor: CapturedTensor): FleetState {
  const { run } = state;
  if (run === undefined) return ignore(state, 'no-run');
  if (term !== run.request.term) return ignore(state, 'other-term');
  if (!isLive(run)) return ignore(state, 'after-the-end');
  const { capture } = run;
  const { step, block, slot, name, shape, finite } = tensor;
  const stage = run.stages.find(({ firstBlock, lastBlock }) => firstBlock <= block && block <= lastBlock);
  if (stage?.board !== board) return ignore(state, 'not-its-stage');
  const expected = run.request.layout[block]?.[slot];
  const fits = expected?.name === name && expected.shape.join() === shape.join();
  if (capture?.step !== step || !fits) return ignore(state, 'not-expected');
  const before = capture.arrived[stage.stage]!;
  if (before.has(name)) return ignore(state, 'repeated');
  const arrived = capture.arrived.map((names, index) => (index === stage.stage ? new Set(names).add(name) : names));
  const next = hear(run, stage, state.now, `sent state of step ${step}`, {});
  const taken = { ...next, capture: { ...capture, arrived } };
  if (finite) return { ...state, run: taken };
  const failure: Failure = { kind: 'not-finite', stage: stage.stage, step, what: `tensor ${name} of the state` };
  return { ...state, run: suspect(taken, failure, state.now) };
}

/** A stage has got further. */
function hear(run: RunState, { stage }: StageState, at: number, heard: string, change: Partial<StageState>): RunState {
  return { ...withStage(run, stage, { ...change, heard, heardAt: at }), progressAt: at };
}
