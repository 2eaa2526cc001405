import { type DeviceProfile, type ProfileMeasurement, sameModel } from '../predictor/index.ts';
import type { BlockRun, BoardSurvey, SurveyModel } from './types.ts';

// What a board has measured since it was surveyed: a stage that is new to it, or one that it had measured before, which tells
// how its speed has changed.

/** What takes longer tells more, but up to here a measurement is soon done. Seconds of a forward and a backward pass. */
const LONG_ENOUGH = 1;

/**
 * The stage to measure again: the longest that is soon done, or else the shortest. Undefined where none was measured: a single
 * block tells little of a board that computes for a moment and then has to rest.
 */
export function recheckRun(survey: BoardSurvey, model: SurveyModel): BlockRun | undefined {
  const timed = stagesMeasured(survey, model).map((run) => ({ run, seconds: secondsOf(survey.profile, model, run) }));
  const short = timed.filter(({ seconds }) => seconds <= LONG_ENOUGH).toSorted((a, b) => b.seconds - a.seconds);
  const long = timed.toSorted((a, b) => a.seconds - b.seconds);
  return (short[0] ?? long[0])?.run;
}

/** Runs of more than one block, each once, in the order in which they were measured first. */
function stagesMeasured({ profile }: BoardSurvey, model: SurveyModel): readonly BlockRun[] {
  const runs = new Map<string, BlockRun>();
  for (const { firstBlock, lastBlock } of rowsOf(profile, model)) {
    if (lastBlock > firstBlock) runs.set(`${firstBlock}-${lastBlock}`, { firstBlock, lastBlock });
  }
  return [...runs.values()];
}

/** What a later survey says of a stage: how many times as long it takes, or what it takes where that was not known. */
export type Remeasured =
  | { readonly kind: 'slowdown'; readonly factor: number }
  | { readonly kind: 'new'; readonly rows: readonly ProfileMeasurement[] };

/** The stage that was measured last; undefined where nothing was. */
export function remeasured(before: BoardSurvey, now: BoardSurvey, model: SurveyModel): Remeasured | undefined {
  const last = rowsOf(now.profile, model).at(-1);
  if (last === undefined || now.profile.measurements.length <= before.profile.measurements.length) return undefined;
  const known = secondsOf(before.profile, model, last);
  if (known === 0) return { kind: 'new', rows: latestOf(now.profile, model, last) };
  const factor = secondsOf(now.profile, model, last) / known;
  return factor > 0 ? { kind: 'slowdown', factor } : undefined;
}

/** Of a forward and a backward pass, as they were measured last; 0 where they were not. */
function secondsOf(profile: DeviceProfile, model: SurveyModel, run: BlockRun): number {
  const both = latestOf(profile, model, run).filter(({ pass }) => pass !== 'update');
  return both.reduce((sum, { seconds }) => sum + seconds, 0);
}

const passes = ['forward', 'backward', 'update'] as const;

function latestOf(profile: DeviceProfile, model: SurveyModel, { firstBlock, lastBlock }: BlockRun) {
  const rows = rowsOf(profile, model).filter((row) => row.firstBlock === firstBlock && row.lastBlock === lastBlock);
  return passes.flatMap((pass) => rows.findLast((row) => row.pass === pass) ?? []);
}

function rowsOf({ measurements, threads }: DeviceProfile, { name, ...model }: SurveyModel) {
  return measurements.filter((row) => row.threads === threads && sameModel(row, { model: name, ...model }));
}
