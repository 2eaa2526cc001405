import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { followed, followedCases } from './adapt/followed.ts';
import { wanders } from './adapt/wanders.ts';
import { labOptions, readLabOptions } from './lab/options.ts';

const ORACLE = join(import.meta.dirname, 'results', 'adapt', 'oracle.json');
const cases = [...Object.keys(followedCases), 'wanders'];

/** How a run follows boards that change. Numbers are defined in METHODOLOGY.md. */
export async function adaptBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...labOptions,
      batch: { type: 'string', default: '32' },
      steps: { type: 'string', default: '80' },
      rounds: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '30' },
      seed: { type: 'string', default: '1' },
      oracle: { type: 'string', default: ORACLE },
      cases: { type: 'string', default: cases.join() },
    },
  });
  const { sizes, megabitsPerSecond, link } = readLabOptions(values);
  const { oracle } = values;
  const [rounds, minutes, seed] = [values.rounds, values.minutes, values.seed].map(Number) as [number, number, number];
  if (!(minutes > 0)) throw new Error(`--minutes is '${values.minutes}': give a number above 0`);
  const asked = values.cases.split(',');
  const strange = asked.find((name) => !cases.includes(name));
  if (strange !== undefined) throw new Error(`--cases has '${strange}': choose among ${cases.join(', ')}`);
  const { model, batch, microBatches } = sizes;
  const found: unknown[] = [];
  for (const name of asked) {
    if (name === 'wanders') found.push(await wanders({ model, batch, microBatches, link, minutes, seed, oracle }));
    else found.push(await followed(name, { ...sizes, link, rounds }));
  }
  return { model, batch, microBatches, megabitsPerSecond, rounds, cases: found };
}
