import type { StepReport } from './metrics.ts';
import type { RunState } from './state.ts';
import type { BoardTotals } from './types.ts';

/** What boards did with the time of a run: sums over its steps, those that were done again included. */

export const noTotals: BoardTotals = {
  computeSeconds: 0,
  overheadSeconds: 0,
  waitSeconds: 0,
  wallSeconds: 0,
  bytesSent: 0,
  bytesReceived: 0,
  bytesSentTo: {},
};

export function addTotals(totals: BoardTotals, report: StepReport, { stages }: RunState): BoardTotals {
  const links = report.links.filter(({ to }) => stages.some(({ board }) => board === to));
  return {
    computeSeconds: totals.computeSeconds + report.computeSeconds,
    overheadSeconds: totals.overheadSeconds + report.overheadSeconds,
    waitSeconds: totals.waitSeconds + report.waitSeconds,
    wallSeconds: totals.wallSeconds + report.wallSeconds,
    bytesSent: totals.bytesSent + report.bytesSent,
    bytesReceived: totals.bytesReceived + report.bytesReceived,
    bytesSentTo: addLinks(totals.bytesSentTo, links),
  };
}

/** Of every board that took part, in this term or an earlier one. */
export function totalsOf({ stages, totalsBefore }: RunState): Readonly<Record<string, BoardTotals>> {
  return { ...totalsBefore, ...Object.fromEntries(stages.map(({ board, totals }) => [board, totals])) };
}

function addLinks(bytesSentTo: BoardTotals['bytesSentTo'], links: StepReport['links']): BoardTotals['bytesSentTo'] {
  const sums = new Map(Object.entries(bytesSentTo));
  for (const { to, bytes } of links) sums.set(to, (sums.get(to) ?? 0) + bytes);
  return Object.fromEntries(sums);
}
