import type { DeviceReport } from '../../broker/index.ts';
import { boardsOfEither, type Plan } from '../index.ts';
import type { Action } from './actions.ts';
import { costsInNewTerm } from './capture-cost.ts';
import { withoutErrors } from './link-histories.ts';
import { seenUnder } from './pace.ts';
import type { IgnoreReason, NextPlan, RunState, StageState } from './state.ts';
import { noTotals, totalsOf } from './totals.ts';
import { askedAnew, isLive, suspect, withLast } from './transitions.ts';

// What a planned change that is prepared beside training does to the run. [moving.ts]

type ActionOf<Kind extends Action['kind']> = Extract<Action, { kind: Kind }>;

export function newStage(
  { stage, board, firstBlock, lastBlock }: Plan['stages'][number],
  { request, totalsBefore }: Pick<RunState, 'request' | 'totalsBefore'>,
  at: number,
): StageState {
  const heard = 'was chosen';
  const { fromStep: step } = request.settings;
  const totals = totalsBefore[board] ?? noTotals;
  const fresh = { prepared: false, step, heardAt: at, heard, stopped: false, totals };
  return { stage, board, firstBlock, lastBlock, ...fresh };
}

export function propose(run: RunState, { plan, reason }: ActionOf<'propose'>, at: number): RunState {
  const next: NextPlan = {
    plan,
    before: run.plan!,
    reason,
    phase: 'building',
    since: at,
    paces: run.seen.paces,
    ready: new Map(),
    problem: undefined,
    step: run.granted,
    committedAt: at,
    takenAt: at,
    moved: new Map(),
    bytes: 0,
  };
  return { ...run, next, lastTerm: plan.term };
}

/** The next plan is the run's: its stages stand at the step with which it begins. */
export function take(run: RunState, at: number): RunState {
  const next = run.next!;
  const { plan, step, reason } = next;
  const request = { ...run.request, term: plan.term, settings: { ...run.request.settings, fromStep: step } };
  const totalsBefore = totalsOf(run);
  const change = { term: plan.term, reason, signature: 'move', step, fromStep: step, at };
  return {
    ...run,
    request,
    plan,
    totalsBefore,
    stages: plan.stages.map((stage) => newStage(stage, { request, totalsBefore }, at)),
    // Boards that came since it was made are still to be looked at.
    plannedAt: next.since,
    pacesAtPlan: next.paces,
    pacesAtLook: next.paces,
    seen: seenUnder(run.seen, next.before, plan),
    weighedAt: step,
    improvedAt: step,
    links: withoutErrors(run.links),
    widthsAt: step,
    next: { ...next, phase: 'taken', takenAt: at },
    norms: new Map(),
    survey: askedAnew(run.survey),
    lastReplica: undefined,
    costs: costsInNewTerm(run),
    recoveries: [...run.recoveries, change],
    progressAt: at,
  };
}

export function settle(run: RunState, { handoverSeconds, bytes }: ActionOf<'settle'>, at: number): RunState {
  const { since: proposedAt, committedAt: readyAt } = run.next!;
  const recoveries = withLast(run.recoveries, { trainingAt: at, proposedAt, readyAt, movedBytes: bytes });
  return { ...run, next: undefined, gaveUp: false, moveSeconds: handoverSeconds, recoveries };
}

/** What a report means for the next plan; undefined where it is not about that, or about a stage that is the run's already. */
export function applyNextReport(
  run: RunState,
  board: string,
  report: DeviceReport,
  at: number,
): RunState | IgnoreReason | undefined {
  const { next } = run;
  if (next === undefined || !isLive(run) || report.term !== next.plan.term) return undefined;
  if (!boardsOfEither(next.before, next.plan).includes(board)) return 'not-expected';
  switch (report.kind) {
    case 'ready': {
      if (next.phase !== 'building' || next.ready.has(board)) return 'not-expected';
      const { seconds, linkSeconds } = report;
      return { ...run, next: { ...next, ready: new Map(next.ready).set(board, { seconds, linkSeconds }) } };
    }
    case 'moved': {
      if (next.phase === 'building' || next.moved.has(board)) return 'not-expected';
      const moved = new Map(next.moved).set(board, report.seconds);
      return { ...run, next: { ...next, moved, bytes: next.bytes + report.bytes }, progressAt: at };
    }
    case 'failed': {
      if (next.phase === 'taken' && run.stages[report.stage]?.board === board) return undefined;
      const how = `failed: ${report.error.message} [${report.error.code}]`;
      if (next.phase === 'building') return { ...run, next: { ...next, problem: { board, how } } };
      return suspect(run, { kind: 'handover', board, step: next.step, how }, at);
    }
    default:
      return undefined;
  }
}
