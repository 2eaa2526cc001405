import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flotilla, noCaptures } from '../flotilla.ts';
import { recipeOptions } from './recipes.ts';
import { meansOfParts, type QualityRun, type Wanted } from './records.ts';

const PATIENCE_SECONDS = 4 * 3600;
const CURVE_POINTS = 120;

interface RunRecord {
  readonly accuracy: number | null;
  readonly losses: readonly number[];
  readonly steps: number;
  readonly seconds: number;
  readonly links: readonly { readonly bytes: number }[];
}

/** One `flotilla train` on boards of this machine. */
export async function trainOnce(wanted: Wanted, data: string): Promise<QualityRun> {
  const { model, codec, seed, recipe } = wanted;
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-quality-'));
  try {
    const out = join(directory, 'out');
    const what = ['--model', model, '--data', data, '--codec', codec, '--seed', String(seed), '--out', out];
    const captures = ['--checkpoint-every', '0', ...noCaptures];
    await flotilla(['train', ...what, ...captures, ...recipeOptions(recipe)], PATIENCE_SECONDS);
    const record = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as RunRecord;
    const { accuracy, losses, steps, seconds, links } = record;
    if (accuracy === null) throw new Error(`there are no test images in ${data}: quality is accuracy on them`);
    const bytes = links.reduce((sum, link) => sum + link.bytes, 0);
    return {
      ...wanted,
      accuracy,
      losses: meansOfParts(losses, CURVE_POINTS),
      steps,
      bytesPerStep: Math.round(bytes / steps),
      seconds: Math.round(seconds),
      when: new Date().toISOString(),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
