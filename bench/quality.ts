import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseLinkCodecs } from '../planner/index.ts';
import { lossCurves } from './quality/curves.ts';
import { type Recipe, recipes } from './quality/recipes.ts';
import { isRunOf, readRuns, type Wanted, writeRuns } from './quality/records.ts';
import { summary, WITHIN_POINTS } from './quality/summary.ts';
import { trainOnce } from './quality/train.ts';

const RESULTS = join(import.meta.dirname, 'results', 'quality', 'runs.json');
/** Of these the accuracy must stay within `WITHIN_POINTS` of float32's. */
const JUDGED = ['8/8', '4/8'] as const;

/**
 * What narrow links do to the accuracy of a training. Each run that is done is written at once, and not done again: the
 * bench may be stopped and gone on with. Numbers are defined in METHODOLOGY.md.
 */
export async function qualityBench(args: readonly string[]): Promise<unknown> {
  const { wanted, models, codecs, data, file } = readOptions(args);
  let runs = await readRuns(file);
  for (const [index, each] of wanted.entries()) {
    const { model, codec, seed } = each;
    const name = `${index + 1} of ${wanted.length}: ${model}, ${codec}, seed ${seed}`;
    if (runs.some((run) => isRunOf(run, each))) continue;
    console.error(`${name} …`);
    const run = await trainOnce(each, data);
    console.error(`${name}: accuracy ${(100 * run.accuracy).toFixed(2)} %, ${run.seconds} s`);
    // Another bench may have written meanwhile.
    runs = [...(await readRuns(file)).filter((other) => !isRunOf(other, each)), run];
    await writeRuns(file, runs);
  }
  const reports = models.map(([model, recipe]) => {
    const own = runs.filter((run) => wanted.some((each) => each.model === model && isRunOf(run, each)));
    const rows = summary(own, codecs);
    const judged = rows.filter(({ codec }) => (JUDGED as readonly string[]).includes(codec));
    const within = judged.every(({ difference }) => difference !== null && difference >= -WITHIN_POINTS);
    return { model, recipe, codecs: rows, within: judged.length === 0 ? null : within, own };
  });
  for (const { model, own } of reports) {
    await writeFile(join(dirname(file), `${model}.svg`), lossCurves(model, own));
  }
  return { models: reports.map(({ own: _, ...report }) => report), withinPoints: WITHIN_POINTS };
}

interface Options {
  readonly wanted: readonly Wanted[];
  readonly models: readonly (readonly [string, Recipe])[];
  readonly codecs: readonly string[];
  readonly data: string;
  readonly file: string;
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      models: { type: 'string', default: Object.keys(recipes).join() },
      seeds: { type: 'string', default: '3' },
      codecs: { type: 'string', default: 'none,8/8,4/8,4/4' },
      data: { type: 'string', default: '../shared/data/cifar10' },
      results: { type: 'string', default: RESULTS },
      boards: { type: 'string' },
      epochs: { type: 'string' },
      'train-limit': { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const number = (name: 'seeds' | 'boards' | 'epochs' | 'train-limit') => {
    const text = values[name];
    if (text !== undefined && !/^[1-9]\d*$/.test(text)) throw new Error(`--${name} is '${text}': give a whole number`);
    return text === undefined ? undefined : Number(text);
  };
  const [boards, epochs, trainLimit] = [number('boards'), number('epochs'), number('train-limit')];
  const changes = {
    ...(boards === undefined ? {} : { boards }),
    ...(epochs === undefined ? {} : { epochs }),
    ...(trainLimit === undefined ? {} : { trainLimit }),
  };
  const models = values.models.split(',').map((model) => {
    const recipe = (recipes as Readonly<Record<string, Recipe>>)[model];
    if (recipe === undefined)
      throw new Error(`--models has '${model}': choose among ${Object.keys(recipes).join(', ')}`);
    return [model, { ...recipe, ...changes }] as const;
  });
  const codecs = values.codecs.split(',');
  for (const codec of codecs) parseLinkCodecs(codec);
  const seeds = Array.from({ length: number('seeds') ?? 0 }, (_, index) => index + 1);
  const wanted = models.flatMap(([model, recipe]) =>
    seeds.flatMap((seed) => codecs.map((codec) => ({ model, codec, seed, recipe }))),
  );
  return { wanted, models, codecs, data: values.data, file: values.results };
}
