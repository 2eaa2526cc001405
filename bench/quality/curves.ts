import type { QualityRun } from './records.ts';

const colours = ['#222222', '#2a9d6f', '#4c9be8', '#e0a030', '#c0504d', '#7a6ad8'] as const;
const WIDTH = 900;
const HEIGHT = 420;
const LEFT = 60;
const TOP = 40;
const RIGHT = 20;
const BOTTOM = 50;
const TICKS = 5;

/** Training loss over the steps: a thin line for each run, a colour for each codec. */
export function lossCurves(model: string, runs: readonly QualityRun[]): string {
  const codecs = [...new Set(runs.map(({ codec }) => codec))];
  const all = runs.flatMap(({ losses }) => losses);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const steps = Math.max(...runs.map((run) => run.steps));
  const x = (step: number) => round(LEFT + (step / steps) * (WIDTH - LEFT - RIGHT));
  const y = (loss: number) => round(TOP + ((most - loss) / Math.max(1e-9, most - least)) * (HEIGHT - TOP - BOTTOM));
  const parts = [
    ...ticks(least, most).map((loss) => gridLine(y(loss), loss.toFixed(2))),
    ...ticks(0, steps).map((step) => label(x(step), HEIGHT - BOTTOM + 18, String(Math.round(step)), 'middle')),
    ...runs.map((run) => curve(run, colours[codecs.indexOf(run.codec) % colours.length]!, x, y)),
    ...codecs.map((codec, index) => legend(codec, index)),
    label(LEFT, 20, `${model}: training loss, means over ${runs[0]?.losses.length ?? 0} parts of each run`, 'start'),
    label(WIDTH / 2, HEIGHT - 8, 'step', 'middle'),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function curve({ losses, steps }: QualityRun, colour: string, x: Scale, y: Scale): string {
  const points = losses.map((loss, part) => `${x(((part + 0.5) * steps) / losses.length)},${y(loss)}`).join(' ');
  return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="1.2" stroke-opacity="0.8"/>`;
}

type Scale = (value: number) => number;

function ticks(least: number, most: number): readonly number[] {
  return Array.from({ length: TICKS + 1 }, (_, tick) => least + (tick * (most - least)) / TICKS);
}

function gridLine(top: number, text: string): string {
  const line = `<line x1="${LEFT}" y1="${top}" x2="${WIDTH - RIGHT}" y2="${top}" stroke="#dddddd"/>`;
  return `${line}${label(LEFT - 6, top + 4, text, 'end')}`;
}

function label(left: number, base: number, text: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${left}" y="${base}" text-anchor="${anchor}" fill="#444444">${text}</text>`;
}

function legend(codec: string, index: number): string {
  const left = WIDTH - RIGHT - 110;
  const top = TOP + 18 * index;
  const name = codec === 'none' ? 'float32' : codec;
  return `<rect x="${left}" y="${top}" width="12" height="4" fill="${colours[index % colours.length]}"/>${label(left + 18, top + 6, name, 'start')}`;
}

const round = (value: number) => Math.round(10 * value) / 10;
