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
