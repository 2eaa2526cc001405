import { parseArgs } from 'node:util';
import { isModelName, modelNames, type zoo } from '../models/index.ts';
import { boardNames, quotas, scenarioText, splitText } from './lab/scenario.ts';
import { blockTimes } from './pipeline/block-times.ts';
import { evenSplit, scalarSplit } from './pipeline/splits.ts';
import { type TrainRun, type TrainWish, trainRun } from './pipeline/train-run.ts';

/** The ways of sharing the blocks out that are compared; `--split` picks some of them. */
const ways = ['even', 'scalar', 'ours'] as const;
type Way = (typeof ways)[number];

const SAME_LOSS = 1e-5;

/** Of the ways that others share blocks out by. */
const USUAL_SCHEDULE = '1f1b';

/** The board of a tenth of a core has a model to itself; nothing is wrong yet when it takes so long. */
const PATIENCE_SECONDS = 1500;

interface Settings {
  readonly model: keyof typeof zoo;
  readonly rate: string;
  readonly delay: string;
  readonly batch: number;
  readonly microBatches: number;
  readonly steps: number;
  readonly warmUps: number;
  /** Steps more of `ours` before those that count, in which the plan may still change. */
  readonly settle: number;
  /** Of `ours` alone; undefined: none. */
  readonly codec: string | undefined;
}

/**
 * Training on four boards of 0.8, 0.4, 0.2 and 0.1 of a core, their blocks shared out in several ways, and how fast it
 * could be at best. Numbers are defined in METHODOLOGY.md.
 */
export async function pipelineBench(args: readonly string[]): Promise<unknown> {
  const { settings, chosen } = readOptions(args);
  const { model, batch, microBatches } = settings;
  const blockSeconds = await blockTimes({ model, microBatch: batch / microBatches, microBatches });
  note('reference, ms a block', blockSeconds.map((seconds) => round(1000 * seconds, 2)).join(' '));
  const alone = await trainRun({ ...common(settings), scenario: scenarioText(['alone'], [1]) });
  const nominal = alone.samplesPerSecond * sum(quotas);
  note('one board of a whole core', `${round(alone.samplesPerSecond, 1)} samples/s, times 1.5: ${round(nominal, 1)}`);
  const rates = await ratesOfBoards(settings);
  const slowness = rates.map((rate) => alone.samplesPerSecond / rate);
  const splits: Record<Way, string | undefined> = {
    even: splitText(evenSplit(blockSeconds)),
    scalar: splitText(scalarSplit(blockSeconds, slowness)),
    ours: undefined,
  };
  const link = `{ rate: ${settings.rate} Mbit/s, delay: ${settings.delay} ms }`;
  const scenario = scenarioText(boardNames, quotas, link);
  const runs = new Map<Way, TrainRun>();
  for (const way of chosen) {
    const split = splits[way];
    const codec = way === 'ours' && settings.codec !== undefined ? { codec: settings.codec } : {};
    const settle = way === 'ours' ? settings.settle : 0;
    const length = { steps: settings.steps + settle, warmUps: settings.warmUps + settle };
    const given = split === undefined ? {} : { split, schedule: USUAL_SCHEDULE };
    const run = await trainRun({ ...common(settings), ...length, scenario, ...given, ...codec });
    const expected = settings.batch / run.predictedSeconds;
    note(way, `${run.split}: ${round(run.samplesPerSecond, 2)} samples/s, expected ${round(expected, 2)}`);
    runs.set(way, run);
  }
  const bounds = [sum(rates), sum(await ratesOfBoards(settings))];
  const exact = [...runs].filter(([way]) => way !== 'ours' || settings.codec === undefined);
  checkLosses([alone, ...exact.map(([, run]) => run)]);
  return report(settings, { runs, bounds, nominal, slowness });
}

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: { type: 'string', default: 'vgg11' },
      rate: { type: 'string', default: '100' },
      delay: { type: 'string', default: '2' },
      codec: { type: 'string', default: 'none' },
      split: { type: 'string', default: ways.join() },
      batch: { type: 'string', default: '256' },
      'micro-batches': { type: 'string', default: '16' },
      steps: { type: 'string', default: '5' },
      'warm-ups': { type: 'string', default: '2' },
      settle: { type: 'string', default: '8' },
      json: { type: 'boolean', default: false },
    },
  });
  if (!isModelName(values.model))
    throw new Error(`--model is '${values.model}': choose one of ${modelNames.join(', ')}`);
  const asked = values.split.split(',');
  const strange = asked.find((way) => !(ways as readonly string[]).includes(way));
  if (strange !== undefined) throw new Error(`--split is '${strange}': choose among ${ways.join(', ')}`);
  const settings: Settings = {
    model: values.model as keyof typeof zoo,
    rate: values.rate,
    delay: values.delay,
    batch: Number(values.batch),
    microBatches: Number(values['micro-batches']),
    steps: Number(values.steps),
    warmUps: Number(values['warm-ups']),
    settle: Number(values.settle),
    codec: values.codec === 'none' ? undefined : values.codec,
  };
  return { settings, chosen: ways.filter((way) => asked.includes(way)) };
}

function common({ model, batch, microBatches, steps, warmUps }: Settings): Omit<TrainWish, 'scenario'> {
  return { model, batch, microBatches, steps, warmUps, patienceSeconds: PATIENCE_SECONDS };
}

/** Micro-batches of a step, and steps, of a board that has the whole model to itself: a tenth of a core takes a minute. */
const ALONE = { microBatches: 4, steps: 3 };

/** Samples per second of each board with the whole model, all at once, as they compute in the pipeline. */
async function ratesOfBoards(settings: Settings): Promise<readonly number[]> {
  const batch = (ALONE.microBatches * settings.batch) / settings.microBatches;
  const wish = { ...common(settings), ...ALONE, batch, warmUps: 2 };
  const runs = await Promise.all(
    boardNames.map((name, index) => trainRun({ ...wish, scenario: scenarioText([name], [quotas[index]!]) })),
  );
  const rates = runs.map(({ samplesPerSecond }) => samplesPerSecond);
  note(
    'each board by itself',
    `${rates.map((rate) => round(rate, 2)).join(' + ')} = ${round(sum(rates), 1)} samples/s`,
  );
  return rates;
}

/** A rate of wrong results is worth nothing: however the blocks lie, the losses of the steps that all have done are the same. */
function checkLosses(runs: readonly TrainRun[]): void {
  const common = Math.min(...runs.map(({ losses }) => losses.length));
  const [first, ...others] = runs.map(({ losses }) => losses.slice(0, common));
  for (const losses of others) {
    const differs = losses.findIndex((loss, step) => Math.abs(loss - first![step]!) > SAME_LOSS * Math.abs(loss));
    if (differs >= 0)
      throw new Error(`step ${differs}: losses ${first![differs]} and ${losses[differs]} are not the same`);
  }
}

interface Measured {
  readonly runs: ReadonlyMap<Way, TrainRun>;
  /** Before the pipelines and after them. */
  readonly bounds: readonly number[];
  readonly nominal: number;
  readonly slowness: readonly number[];
}

function report(settings: Settings, { runs, bounds, nominal, slowness }: Measured) {
  const bound = sum(bounds) / bounds.length;
  const rate = (way: Way) => runs.get(way)?.samplesPerSecond;
  const [even, scalar, ours] = ways.map(rate);
  const ratio = (above: number | undefined, below: number | undefined) =>
    above === undefined || below === undefined ? null : round(above / below, 3);
  const { model, rate: megabits, delay, batch, microBatches, steps, warmUps, codec = 'none' } = settings;
  return {
    model,
    even: even === undefined ? null : round(even, 2),
    scalar: scalar === undefined ? null : round(scalar, 2),
    ours: ours === undefined ? null : round(ours, 2),
    bound: round(bound, 2),
    bounds: bounds.map((each) => round(each, 2)),
    nominal: round(nominal, 2),
    speedupOverEven: ratio(ours, even),
    shareOfBound: ratio(ours, bound),
    shareOfNominal: ratio(ours, nominal),
    scalarOverEven: ratio(scalar, even),
    scalarShareOfBound: ratio(scalar, bound),
    splits: Object.fromEntries([...runs].map(([way, { split }]) => [way, split])),
    schedule: runs.get('ours')?.schedule ?? null,
    widths: runs.get('ours')?.widths ?? [],
    slowness: slowness.map((value) => round(value, 2)),
    quotas,
    rateMbit: Number(megabits),
    delayMs: Number(delay),
    codec,
    batch,
    microBatches,
    countedSteps: steps - warmUps,
  };
}

/** What is known so far, for whoever waits; the last line of standard output is the result. */
function note(what: string, value: string): void {
  console.error(`${what}: ${value}`);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
