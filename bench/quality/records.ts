import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Recipe } from './recipes.ts';

/** One training run of the comparison. */
export interface QualityRun {
  readonly model: string;
  /** As `--codec` takes it; 'none' for float32. */
  readonly codec: string;
  readonly seed: number;
  readonly recipe: Recipe;
  /** Of the exported model on the test images, 0 to 1. */
  readonly accuracy: number;
  /** Means over equal parts of the run, in order. */
  readonly losses: readonly number[];
  readonly steps: number;
  /** Over all links between boards, both ways. */
  readonly bytesPerStep: number;
  readonly seconds: number;
  readonly when: string;
}

/** Runs that are known already; none where there is no such file. */
export async function readRuns(file: string): Promise<readonly QualityRun[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '[]';
    throw error;
  });
  return JSON.parse(text) as readonly QualityRun[];
}

/** The file is there whole or not at all. */
export async function writeRuns(file: string, runs: readonly QualityRun[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const lines = runs.map((run) => JSON.stringify(run)).join(',\n');
  await writeFile(`${file}.tmp`, `[\n${lines}\n]\n`);
  await rename(`${file}.tmp`, file);
}

/** Whether it is the run that is asked for: of another recipe it says nothing. */
export function isRunOf(run: QualityRun, { model, codec, seed, recipe }: Wanted): boolean {
  return (
    run.model === model &&
    run.codec === codec &&
    run.seed === seed &&
    JSON.stringify(run.recipe) === JSON.stringify(recipe)
  );
}

export type Wanted = Pick<QualityRun, 'model' | 'codec' | 'seed' | 'recipe'>;

/** The values' means over `parts` parts of equal length; the values where they are fewer. */
export function meansOfParts(values: readonly number[], parts: number): readonly number[] {
  const count = Math.min(parts, values.length);
  return Array.from({ length: count }, (_, part) => {
    const own = values.slice(
      Math.floor((part * values.length) / count),
      Math.floor(((part + 1) * values.length) / count),
    );
    return Number((own.reduce((sum, value) => sum + value, 0) / own.length).toPrecision(5));
  });
}
