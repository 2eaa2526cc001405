import type { Simulation } from '../simulate.ts';
import { duration, percent } from '../words.ts';
import type { Span, Transit } from './execute.ts';

const colours = {
  forward: '#4c9be8',
  backward: '#2a9d6f',
  forwardBackward: '#7a6ad8',
  update: '#e0a030',
} satisfies Record<Span['work'], string>;

const words = {
  forward: 'forward',
  backward: 'backward',
  forwardBackward: 'forward and backward',
  update: 'update',
} satisfies Record<Span['work'], string>;

const ROW = 30;
const GAP = 14;
const LEFT = 120;
const RIGHT = 90;
const TOP = 34;
/** A bar narrower than this has no number in it. */
const NARROWEST_LABEL = 12;
const TICKS = 8;

/** One step as a chart: a row a board, a bar for each instruction, a thin line for each tensor under way. */
export function timelineSvg(simulation: Simulation, width = 1100): string {
  const { timeline, boards } = simulation;
  const height = TOP + boards.length * (ROW + GAP) + 50;
  const scale = (width - LEFT - RIGHT) / Math.max(Number.MIN_VALUE, timeline.seconds);
  const x = (seconds: number) => round(LEFT + seconds * scale);
  const y = (stage: number) => TOP + stage * (ROW + GAP);
  const parts = [
    ...boards.map(({ board, stage, idleShare }) => rowLabels(board, idleShare, y(stage), width)),
    ...timeline.transits.map((transit) => line(transit, x, y)),
    ...timeline.spans.map((span) => bar(span, x, y)),
    axis(timeline.seconds, x, height - 42),
    legend(height - 12),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="20" fill="#222222">One step; the next follows after ${duration(simulation.stepSeconds)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function rowLabels(board: string, idleShare: number, top: number, width: number): string {
  const middle = top + ROW / 2 + 4;
  return [
    `<text x="${LEFT - 8}" y="${middle}" text-anchor="end" fill="#222222">${escaped(board)}</text>`,
    `<rect x="${LEFT}" y="${top}" width="${width - LEFT - RIGHT}" height="${ROW}" fill="#f1f1f1"/>`,
    `<text x="${width - RIGHT + 8}" y="${middle}" fill="#666666">idle ${percent(idleShare)}</text>`,
  ].join('\n');
}

function bar(span: Span, x: (seconds: number) => number, y: (stage: number) => number): string {
  const left = x(span.start);
  const wide = Math.max(0.2, round(x(span.end) - left));
  const top = y(span.stage);
  const about = span.work === 'update' ? words.update : `${words[span.work]} of micro-batch ${span.microBatch}`;
  const title = `<title>${about}, ${duration(span.end - span.start)}</title>`;
  const rectangle = `<rect x="${left}" y="${top}" width="${wide}" height="${ROW}" fill="${colours[span.work]}" stroke="#ffffff" stroke-width="0.5">${title}</rect>`;
  if (wide < NARROWEST_LABEL || span.work === 'update') return rectangle;
  const label = `<text x="${round(left + wide / 2)}" y="${top + ROW / 2 + 4}" text-anchor="middle" fill="#ffffff">${span.microBatch}</text>`;
  return `${rectangle}${label}`;
}

/** From the sender's row to the receiver's, while the tensor is under way. */
function line({ from, to, start, end }: Transit, x: (seconds: number) => number, y: (stage: number) => number): string {
  const down = to > from;
  const y1 = y(from) + (down ? ROW : 0);
  const y2 = y(to) + (down ? 0 : ROW);
  return `<line x1="${x(start)}" y1="${y1}" x2="${x(end)}" y2="${y2}" stroke="#999999" stroke-width="0.7"/>`;
}

function axis(seconds: number, x: (seconds: number) => number, top: number): string {
  return Array.from({ length: TICKS + 1 }, (_, tick) => {
    const at = (seconds * tick) / TICKS;
    const label = tick === 0 ? '0' : duration(at);
    return `<line x1="${x(at)}" y1="${top - 6}" x2="${x(at)}" y2="${top}" stroke="#999999"/><text x="${x(at)}" y="${top + 12}" text-anchor="middle" fill="#666666">${label}</text>`;
  }).join('\n');
}

function legend(base: number): string {
  return Object.entries(colours)
    .map(([work, colour], index) => {
      const left = LEFT + index * 170;
      return `<rect x="${left}" y="${base - 10}" width="12" height="12" fill="${colour}"/><text x="${left + 18}" y="${base}" fill="#222222">${words[work as Span['work']]}</text>`;
    })
    .join('\n');
}

const round = (value: number) => Math.round(100 * value) / 100;

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
