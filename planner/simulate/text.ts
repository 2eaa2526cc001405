import type { Simulation } from '../simulate.ts';
import { duration, percent } from '../words.ts';
import type { Span } from './execute.ts';

const IDLE = '·';
const LEGEND = '0 1 2 … forward of a micro-batch, a b c … backward, # both at once, U update, · idle';

/**
 * One step as a chart of characters, a line a board, and below it the times. `columns` is the width of the whole. No
 * line end after the last line.
 */
export function timelineText(simulation: Simulation, columns = 100): string {
  const { timeline, boards, stepSeconds } = simulation;
  const names = boards.map(({ board }) => board);
  const label = Math.max(...names.map((name) => name.length));
  const width = Math.max(20, columns - label - 14);
  const rows = boards.map(({ board, stage, idleShare }) => {
    const own = timeline.spans.filter((span) => span.stage === stage);
    const idle = `idle ${percent(idleShare)}`;
    return `${board.padEnd(label)} |${cells(own, timeline.seconds, width)}| ${idle}`;
  });
  return [
    ...rows,
    `${''.padEnd(label)} 0${duration(timeline.seconds).padStart(width)}`,
    LEGEND,
    `A step follows the one before after ${duration(stepSeconds)}.`,
  ].join('\n');
}

/** What a board does in each of `width` slices of time: what fills most of the slice. */
function cells(spans: readonly Span[], seconds: number, width: number): string {
  if (seconds <= 0) return IDLE.repeat(width);
  const slice = seconds / width;
  return Array.from({ length: width }, (_, cell) => {
    const from = cell * slice;
    let most: Span | undefined;
    let longest = slice / 2;
    for (const span of spans) {
      const overlap = Math.min(span.end, from + slice) - Math.max(span.start, from);
      if (overlap < longest) continue;
      most = span;
      longest = overlap;
    }
    return most === undefined ? IDLE : letterOf(most);
  }).join('');
}

function letterOf({ work, microBatch }: Span): string {
  switch (work) {
    case 'forward':
      return String(microBatch % 10);
    case 'backward':
      return String.fromCharCode('a'.charCodeAt(0) + (microBatch % 26));
    case 'forwardBackward':
      return '#';
    case 'update':
      return 'U';
    default:
      return work satisfies never;
  }
}
