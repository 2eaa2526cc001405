import type { DeviceReport, RunMetrics } from '../../broker/index.ts';
import { type RunState, type StageState, stepsDone } from './state.ts';

/** What boards and links did in one step, for those who watch a run. */

export type StepReport = Extract<DeviceReport, { kind: 'step' }>;
export type StepMetrics = Pick<RunMetrics, 'seconds' | 'samples' | 'boards' | 'links'>;
/** With the board that holds the stage: by the time it is told another may. */
type HeardReport = { readonly board: string; readonly report: StepReport };
export type StepReports = ReadonlyMap<number, readonly (HeardReport | undefined)[]>;

/** Keeps a stage's report of a step until the step is announced. A step that is done again has been. */
export function withStepReport(run: RunState, { stage, board }: StageState, report: StepReport): StepReports {
  const { stepReports, announced, stages } = run;
  if (report.step < announced) return stepReports;
  const known = stepReports.get(report.step) ?? stages.map(() => undefined);
  return new Map(stepReports).set(
    report.step,
    known.map((before, index) => (index === stage ? { board, report } : before)),
  );
}

export function withoutStep(reports: StepReports, step: number): StepReports {
  return new Map([...reports].filter(([other]) => other !== step));
}

/** Of a step that all stages have done, counted from 0. */
export function metricsOf(run: RunState, step: number): StepMetrics {
  const heard = (run.stepReports.get(step) ?? []).filter((one) => one !== undefined);
  return {
    seconds: secondsOf(run, step),
    samples: run.request.settings.batch,
    boards: heard.map(({ board, report }) => {
      const { stage, computeSeconds, overheadSeconds, waitSeconds, wallSeconds } = report;
      const seconds = { computeSeconds, overheadSeconds, waitSeconds, wallSeconds };
      return { board, stage, ...seconds, busyShare: busyShare(report) };
    }),
    links: heard.flatMap(({ board, report }) => report.links.map((link) => ({ from: board, ...link }))),
  };
}

/** A board is busy for as long as it does not wait for others. */
function busyShare({ waitSeconds, wallSeconds }: StepReport): number {
  return wallSeconds > 0 ? Math.min(1, Math.max(0, 1 - waitSeconds / wallSeconds)) : 0;
}

/** From the end of the step before, or the first grant, to its own end, as the hub has seen them. */
function secondsOf(run: RunState, step: number): number {
  const { doneAt } = run;
  const since = stepsDone(run) - 1 - step;
  const at = Math.max(1, doneAt.length - 1 - since);
  return Math.max(0, (doneAt[at] ?? 0) - (doneAt[at - 1] ?? 0)) || 0;
}
