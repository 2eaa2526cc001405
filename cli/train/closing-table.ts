import { availableParallelism } from 'node:os';
import type { RunResult } from '../../planner/coordinator/index.ts';

/** Rows of text with aligned columns; the first column to the left, the others to the right. */
export function alignRows(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  '),
  );
}

/** What each board did with the time of the run. */
export function boardRows({ plan, perBoard, seconds }: RunResult): readonly (readonly string[])[] {
  const header = ['board', 'blocks', 'computed', 'waited', 'runtime', 'sent', 'received'];
  const rows = (plan?.stages ?? []).map(({ board, firstBlock, lastBlock }) => {
    const totals = perBoard[board]!;
    return [
      board,
      firstBlock === lastBlock ? `${firstBlock}` : `${firstBlock}–${lastBlock}`,
      percent(totals.computeSeconds / seconds),
      percent(totals.waitSeconds / seconds),
      percent(totals.overheadSeconds / seconds),
      megabytes(totals.bytesSent),
      megabytes(totals.bytesReceived),
    ];
  });
  return [header, ...rows];
}

export interface LinkBytes {
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
}

/** What went over each link: an ordered pair of boards, in the order of the pipeline. */
export function linkBytes({ plan, perBoard }: RunResult): readonly LinkBytes[] {
  const boards = (plan?.stages ?? []).map(({ board }) => board);
  return boards.flatMap((from) =>
    boards.flatMap((to) => {
      const bytes = perBoard[from]?.bytesSentTo[to];
      return bytes === undefined ? [] : [{ from, to, bytes }];
    }),
  );
}

/** The links, and what each carries in one step of `steps`. */
export function linkRows(links: readonly LinkBytes[], steps: number): readonly (readonly string[])[] {
  const rows = links.map(({ from, to, bytes }) => [
    `${from} → ${to}`,
    megabytes(bytes),
    steps === 0 ? '–' : megabytes(bytes / steps, 3),
  ]);
  return [['link', 'bytes', 'a step'], ...rows];
}

/** So many steps tell how long one takes before and after a change. */
const STEPS_AROUND = 10;
const REASON_CHARACTERS = 64;

/**
 * What each change of plan cost: the time until the run was as far as before it, and what a step took before and after
 * (medians). `stepSeconds[i]` is the time of step `firstStep + i + 1`; empty where nothing changed.
 */
export function changeRows(
  { recoveries }: Pick<RunResult, 'recoveries'>,
  stepSeconds: readonly number[],
  firstStep: number,
): readonly (readonly string[])[] {
  if (recoveries.length === 0) return [];
  const header = ['what changed', 'after step', 'done again', 'cost', 'moved', 'a step before', 'and after'];
  const rows = recoveries.map(({ reason, step, fromStep, at, trainingAt, caughtUpAt, movedBytes }, index) => {
    const place = (of: number | undefined, otherwise: number) => (of === undefined ? otherwise : of - firstStep);
    const last = place(recoveries[index - 1]?.step, 0);
    const next = place(recoveries[index + 1]?.step, stepSeconds.length);
    const here = step - firstStep;
    // The step in which it happened tells of the change itself.
    const before = stepSeconds.slice(Math.max(last, here - 1 - STEPS_AROUND), Math.max(0, here - 1));
    const after = stepSeconds.slice(here + 1, Math.min(next, here + 1 + STEPS_AROUND));
    const end = caughtUpAt ?? trainingAt;
    return [
      reason.length > REASON_CHARACTERS ? `${reason.slice(0, REASON_CHARACTERS - 1)}…` : reason,
      String(step),
      String(step - fromStep),
      end === undefined ? '–' : `${(end - at).toFixed(1)} s`,
      movedBytes === undefined ? '–' : megabytes(movedBytes),
      middle(before),
      middle(after),
    ];
  });
  return [header, ...rows];
}

function middle(seconds: readonly number[]): string {
  const sorted = seconds.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1];
  return median === undefined ? '–' : `${median.toPrecision(2)} s`;
}

/** What the run cost as a whole. Compute and overhead are processor seconds of the boards. */
export function costOf({ perBoard, seconds }: RunResult) {
  const totals = Object.values(perBoard);
  const sum = (pick: (each: (typeof totals)[number]) => number) => totals.reduce((all, each) => all + pick(each), 0);
  const compute = sum((each) => each.computeSeconds);
  const overhead = sum((each) => each.overheadSeconds);
  const cores = Math.min(availableParallelism(), Math.max(1, totals.length));
  return {
    /** The boards' summed compute time ÷ (wall time × cores kept busy). */
    computeShare: seconds > 0 ? compute / (seconds * cores) : 0,
    /** Of the boards' processor time, what did not go into computing: signing, framing, broker, scheduling, data. */
    runtimeShare: compute + overhead > 0 ? overhead / (compute + overhead) : 0,
    cores,
  };
}

export const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const megabytes = (bytes: number, digits = 1) => `${(bytes / 1e6).toFixed(digits)} MB`;
