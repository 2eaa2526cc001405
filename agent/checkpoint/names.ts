import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isOptimizerTensor } from '../../models/index.ts';
import type { Tensors } from './safetensors.ts';

/*
 * A checkpoint is two files, checkpoint-SEQUENCE-step-STEP.json and .safetensors. The sequence counts what was written to
 * the directory, so no name is ever used twice and the newest is known without a clock, also where a run was resumed
 * from an earlier step and writes that step again.
 */
const pattern = /^checkpoint-(\d+)-step-(\d+)\.(json|safetensors)$/;

export interface CheckpointName {
  readonly sequence: number;
  readonly step: number;
}

export const baseName = ({ sequence, step }: CheckpointName) =>
  `checkpoint-${String(sequence).padStart(5, '0')}-step-${step}`;

export interface Listed extends CheckpointName {
  readonly file: string;
  readonly kind: 'json' | 'safetensors';
}

/** The files of checkpoints in a directory, the oldest first; none where the directory is missing. */
export async function listFiles(directory: string): Promise<readonly Listed[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .flatMap((file) => {
      const [, sequence, step, kind] = pattern.exec(file) ?? [];
      return kind === undefined
        ? []
        : [{ file, sequence: Number(sequence), step: Number(step), kind: kind as Listed['kind'] }];
    })
    .sort((left, right) => left.sequence - right.sequence);
}

/** The checkpoints in a directory, the oldest first: paths of their JSON files, without a look inside. */
export async function listCheckpoints(directory: string): Promise<readonly string[]> {
  const files = await listFiles(directory);
  return files.filter(({ kind }) => kind === 'json').map(({ file }) => join(directory, file));
}

/** The path of the checkpoint that was written last to a directory; undefined where there is none. */
export async function latestCheckpoint(directory: string): Promise<string | undefined> {
  return (await listCheckpoints(directory)).at(-1);
}

/** The parameters among the tensors of a checkpoint, without the optimizer's state. */
export function parametersOf(tensors: Tensors): ReadonlyMap<string, Float32Array<ArrayBuffer>> {
  return new Map([...tensors].filter(([name]) => !isOptimizerTensor(name)).map(([name, { data }]) => [name, data]));
}
