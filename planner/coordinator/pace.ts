import type { DeviceReport } from '../../broker/index.ts';
import { median, type Plan } from '../index.ts';
import { type LearnedStages, withLearned } from './learned.ts';
import type { RunState, StageState } from './state.ts';

/** By board: how many times as long as when it was surveyed it takes for the same. */
export type Paces = ReadonlyMap<string, number>;

/** What a step was seen to take a board with the stage that it has, and its pace then. */
export interface Reference {
  readonly busySeconds: number;
  readonly pace: number;
}

/** What is known of boards by their steps. */
export interface Seen {
  readonly paces: Paces;
  /** By board; absent until a stage has shown what it takes. */
  readonly references: ReadonlyMap<string, Reference>;
  /** By board: how long it was busy in its latest step with this stage. */
  readonly latestBusy: ReadonlyMap<string, number>;
  readonly learned: LearnedStages;
}

export const nothingSeen: Seen = { paces: new Map(), references: new Map(), latestBusy: new Map(), learned: new Map() };

/** The newest step counts this much beside all before it, where the board goes on as it did. */
const NEWEST_SHARE = 0.3;
/** Of a step: what a board that computes less than this takes tells of its messages, not of its speed. */
const DOUBT_SHARE = 0.25;
/** A step so many times off is a clock that jumped, or a board that was stopped: nothing is learned from it. */
const MOST_TIMES_OFF = 100;
/** Times that differ by less, as a logarithm, are alike: those of a board's steps are. */
const ALIKE = 0.15;
/** A stage that is not small is off by so much at most from what was expected, as a logarithm; else the board has changed. */
const MOST_STAGE_ERROR = 0.3;

/**
 * A board's pace. What boards of the run are off by together is no board's own: one that has not taken part is off by as
 * much (their median, so that one that has become slow alone does not count). Else a board would look the better the less
 * is known of it.
 */
export function paceOf(paces: Paces, board: string): number {
  const logarithms = [...paces.values()].map(Math.log);
  return paces.get(board) ?? (logarithms.length === 0 ? 1 : Math.exp(median(logarithms)));
}

/** Whether two times, or two paces, are no more apart than those of two steps may be. */
export function areAlike(a: number, b: number): boolean {
  return Math.abs(Math.log(a / b)) < ALIKE;
}

/** Whether each board's latest step is like its pace; not so while a new stage has shown nothing yet. */
export function arePacesSure(run: RunState): boolean {
  const { references, latestBusy, paces } = run.seen;
  return run.stages.every(({ board }) => {
    const reference = references.get(board);
    const latest = latestBusy.get(board);
    if (reference === undefined || latest === undefined) return false;
    return areAlike(paceShown(run, reference, latest), paceOf(paces, board));
  });
}

/**
 * What is known after one more step of a stage. A board is busy for as long as it does not wait for others. Within a plan it
 * is the board that changes; what is different from the first steps of a new stage on was wrong about the stage. The first
 * step of a term counts for nothing, since programs are cold, and neither do steps beside which the next stages are loaded.
 */
export function seenAfter(run: RunState, stage: StageState, report: Extract<DeviceReport, { kind: 'step' }>): Seen {
  const { seen, plan, request, next } = run;
  const { board } = stage;
  const expected = plan?.stages[stage.stage]?.predictedSeconds ?? 0;
  const busy = report.wallSeconds - report.waitSeconds;
  const isFirst = stage.step <= request.settings.fromStep;
  const isLoadingBeside = next?.phase === 'building' || next?.phase === 'committed';
  const isSound = busy / expected > 1 / MOST_TIMES_OFF && busy / expected < MOST_TIMES_OFF;
  if (isFirst || isLoadingBeside || !isSound) return seen;
  const last = seen.latestBusy.get(board);
  const after = { ...seen, latestBusy: new Map(seen.latestBusy).set(board, busy) };
  const reference = seen.references.get(board);
  if (reference !== undefined) {
    const before = paceOf(seen.paces, board);
    const shown = last === undefined ? undefined : paceShown(run, reference, last);
    const pace = paceNow(before, shown, paceShown(run, reference, busy));
    return { ...after, paces: new Map(seen.paces).set(board, pace) };
  }
  return last !== undefined && areAlike(last, busy)
    ? afterFirstSteps(run, after, stage, Math.sqrt(last * busy))
    : after;
}

/**
 * Two steps that are like each other and unlike the mean, both on one side of it, show that the board has changed: from then
 * on they are its pace. Else it is a mean in which old steps fade.
 */
function paceNow(before: number, last: number | undefined, now: number): number {
  const hasChanged = last !== undefined && areAlike(last, now) && !areAlike(last, before) && !areAlike(now, before);
  return hasChanged ? Math.sqrt(last * now) : before + NEWEST_SHARE * (now - before);
}

/** What a step of a stage that is known says of its board's pace. */
function paceShown(run: RunState, { pace, busySeconds }: Reference, seconds: number): number {
  return pace * timesOff(run, seconds, busySeconds);
}

/** A stage that is small beside the step is believed little, since it takes what messages take. */
function timesOff(run: RunState, seconds: number, expected: number): number {
  const doubt = doubtOf(run, expected);
  return (seconds + doubt) / (expected + doubt);
}

function doubtOf({ plan }: RunState, expected: number): number {
  return Math.max(0, DOUBT_SHARE * (plan?.predictedStepSeconds ?? 0) - expected);
}

/** What a new stage takes is known now: that was wrong about the stage, or else the board has changed before. */
function afterFirstSteps(run: RunState, seen: Seen, state: StageState, busySeconds: number): Seen {
  const { board, firstBlock, lastBlock } = state;
  const expected = run.plan?.stages[state.stage]?.predictedSeconds ?? 0;
  const before = paceOf(run.pacesAtPlan, board);
  const off = timesOff(run, busySeconds, expected);
  const doubt = doubtOf(run, expected);
  const isOfStage = doubt > 0 || Math.abs(Math.log(off)) <= MOST_STAGE_ERROR;
  const pace = isOfStage ? before : before * off;
  const took = { firstBlock, lastBlock, seconds: busySeconds / pace, doubtSeconds: doubt / before };
  return {
    ...seen,
    paces: new Map(seen.paces).set(board, pace),
    references: new Map(seen.references).set(board, { busySeconds, pace }),
    learned: isOfStage ? withLearned(seen.learned, board, took) : seen.learned,
  };
}

/** Under another plan: boards whose blocks stay the same go on as they did. */
export function seenUnder(seen: Seen, before: Plan | undefined, after: Plan): Seen {
  const stays = after.stages.filter(({ board, firstBlock, lastBlock }) =>
    before?.stages.some((old) => old.board === board && old.firstBlock === firstBlock && old.lastBlock === lastBlock),
  );
  const kept = <T>(known: ReadonlyMap<string, T>) =>
    new Map([...known].filter(([id]) => stays.some(({ board }) => board === id)));
  return { ...seen, references: kept(seen.references), latestBusy: kept(seen.latestBusy) };
}
