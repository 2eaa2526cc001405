import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError, CheckpointWriteError } from './errors.ts';
import { PARTIAL, syncDirectory, writeFileAtomically } from './files.ts';
import { decodeManifest, encodeManifest, portableState } from './manifest.ts';
import { baseName, type Listed, listFiles } from './names.ts';
import { encodeHeader, type Tensors } from './safetensors.ts';
import type { RunState } from './state.ts';

export interface Checkpoint {
  readonly state: RunState;
  /** Parameters by their names, optimizer state as `optimizer.SLOT.PARAMETER`. */
  readonly tensors: Tensors;
}

export interface WriteOptions {
  /** How many checkpoints of the run stay in the directory, this one included. */
  readonly keep?: number;
  readonly signal?: AbortSignal;
}

/**
 * Writes a checkpoint into a directory, which is made where it is missing, and removes the oldest ones of the same run.
 * One writer a directory at a time.
 *
 * The tensors are written first, under a name that nothing refers to yet; the rename of the JSON file is the moment from
 * which the checkpoint is there. A crash before it leaves files that nobody reads and that the next write removes.
 *
 * @returns the path of the JSON file, durable on the disk
 * @throws CheckpointWriteError where the operating system refuses; the signal's reason where it is aborted. Earlier
 *   checkpoints are then untouched. TypeError for a state that JSON cannot say.
 */
export async function writeCheckpoint(
  directory: string,
  { state: given, tensors }: Checkpoint,
  { keep = 3, signal }: WriteOptions = {},
): Promise<string> {
  const state = portableState(given);
  try {
    await mkdir(directory, { recursive: true });
    const before = await listFiles(directory);
    const name = baseName({ sequence: (before.at(-1)?.sequence ?? 0) + 1, step: state.step });
    const tensorFile = `${name}.safetensors`;
    const header = encodeHeader(tensors, labelOf(state));
    const parts = [header, ...[...tensors.values()].map(({ data }) => bytesOf(data))];
    const digest = await writeFileAtomically(join(directory, tensorFile), parts, signal);
    await syncDirectory(directory);
    const path = join(directory, `${name}.json`);
    await writeFileAtomically(path, [encodeManifest({ state, tensors: { file: tensorFile, ...digest } })], signal);
    await syncDirectory(directory);
    await prune(directory, state.run, keep);
    return path;
  } catch (error) {
    const { syscall } = error as NodeJS.ErrnoException;
    throw syscall === undefined ? error : new CheckpointWriteError(directory, error as Error);
  }
}

/**
 * What the tensor file says of itself, so that it cannot be taken for that of another checkpoint. `format` is what
 * PyTorch's tools look for before they load a safetensors file.
 */
export function labelOf({ run, step, model }: RunState): Readonly<Record<string, string>> {
  return { format: 'pt', run, step: String(step), model: model.name };
}

const bytesOf = (data: Float32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Removes what the run no longer needs: checkpoints beyond `keep`, and what crashed writers left. */
async function prune(directory: string, run: string, keep: number): Promise<void> {
  const files = await listFiles(directory);
  const own: Listed[] = [];
  for (const file of files) {
    if (file.kind === 'json' && (await runOf(join(directory, file.file))) === run) own.push(file);
  }
  const old = own.slice(0, Math.max(0, own.length - Math.max(1, keep))).map(({ file }) => file);
  const referred = new Set(files.filter(({ kind }) => kind === 'json').map(baseName));
  const orphans = files.filter((file) => file.kind === 'safetensors' && !referred.has(baseName(file)));
  const partial = (await readdir(directory)).filter((file) => /^checkpoint-.*/.test(file) && file.endsWith(PARTIAL));
  const remove = (file: string) => rm(join(directory, file), { force: true });
  // The JSON goes before its tensors: what is left of a checkpoint in between is an orphan, not a broken checkpoint.
  for (const file of old) await remove(file);
  for (const file of old) await remove(file.replace(/json$/, 'safetensors'));
  for (const file of [...orphans.map(({ file }) => file), ...partial]) await remove(file);
}

/** The run that a checkpoint is of; undefined where its file is damaged, which is for the user to look at. */
async function runOf(path: string): Promise<string | undefined> {
  try {
    return decodeManifest(await readFile(path), path).state.run;
  } catch (error) {
    if (error instanceof CheckpointError) return undefined;
    throw error;
  }
}
