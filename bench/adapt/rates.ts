import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { noCaptures } from '../flotilla.ts';
import { labRun } from '../lab/lab-run.ts';
import { scenarioText } from '../lab/scenario.ts';
import { stateOf } from './wander.ts';

/** Steps of a run with quotas that stay, and those at its end that tell how fast it is. */
const STEPS = 24;
const LAST_STEPS = 12;

/** What rates hold for: only those of the same setting are compared. */
export interface Setting {
  readonly model: string;
  readonly batch: number;
  readonly microBatches: number;
  /** As a scenario writes it. */
  readonly link: string;
}

interface KeptRate extends Setting {
  readonly machine: string;
  /** Of the quotas. */
  readonly state: string;
  readonly samplesPerSecond: number;
  readonly split: string;
}

/** The rates that were measured on this machine before. They are written as they come, so that a bench can be gone on with. */
export async function keptRates(file: string, setting: Setting): Promise<Map<string, number>> {
  const own = (await read(file)).filter((kept) => isOf(kept, setting));
  return new Map(own.map(({ state, samplesPerSecond }) => [state, samplesPerSecond]));
}

/** Trains with quotas that stay, under the plan that the planner makes for them, and writes down how fast that is. */
export async function measureRate(file: string, setting: Setting, quotas: readonly number[]): Promise<number> {
  const { link, ...sizes } = setting;
  const names = quotas.map((_, index) => `board${index + 1}`);
  const scenario = scenarioText(names, quotas, link);
  const { stepSeconds, plan } = await labRun({ ...sizes, scenario, steps: STEPS, words: noCaptures });
  const last = stepSeconds.slice(-LAST_STEPS);
  const samplesPerSecond = (sizes.batch * last.length) / last.reduce((sum, each) => sum + each, 0);
  const state = stateOf(quotas);
  const split = plan.stages.map(({ board, firstBlock, lastBlock }) => `${board} ${firstBlock}-${lastBlock}`).join();
  const kept = { ...setting, machine, state, samplesPerSecond, split };
  console.error(`quotas of ${state}: ${samplesPerSecond.toPrecision(3)} samples/s (${split})`);
  const others = (await read(file)).filter((each) => !(isOf(each, setting) && each.state === state));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify([...others, kept], null, 2)}\n`);
  return samplesPerSecond;
}

const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`;

function isOf(kept: KeptRate, { model, batch, microBatches, link }: Setting): boolean {
  const isSame = kept.model === model && kept.batch === batch && kept.microBatches === microBatches;
  return isSame && kept.link === link && kept.machine === machine;
}

async function read(file: string): Promise<readonly KeptRate[]> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as readonly KeptRate[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
