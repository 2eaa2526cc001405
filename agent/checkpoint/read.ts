import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Parameter } from '../../models/index.ts';
import {
  CheckpointCorruptError,
  CheckpointMismatchError,
  CheckpointMissingError,
  CheckpointModelError,
  CheckpointTruncatedError,
} from './errors.ts';
import { HashingReader } from './files.ts';
import { decodeManifest, type Manifest } from './manifest.ts';
import { latestCheckpoint } from './names.ts';
import { type CheckpointTensor, decodeHeader, decodeHeaderLength, type Header, PREFIX } from './safetensors.ts';
import { type Checkpoint, labelOf } from './write.ts';

export interface ReadOptions {
  /** What the checkpoint must be of. */
  readonly expect?: {
    readonly model?: string;
    /** Parameters that must be there, in these shapes. */
    readonly parameters?: readonly Pick<Parameter, 'name' | 'type'>[];
  };
  readonly signal?: AbortSignal;
}

export interface ReadCheckpoint extends Checkpoint {
  /** The JSON file that was read. */
  readonly path: string;
}

/**
 * Reads a checkpoint and validates all of it: that both files are whole and as they were written, belong together, and
 * are of the model that is expected. Every tensor has a buffer of its own.
 * @param path a checkpoint's JSON file, or a directory, whose newest checkpoint is taken
 * @throws CheckpointMissingError, CheckpointTruncatedError, CheckpointCorruptError, CheckpointVersionError,
 *   CheckpointMismatchError, CheckpointModelError
 */
export async function readCheckpoint(path: string, { expect = {}, signal }: ReadOptions = {}): Promise<ReadCheckpoint> {
  const file = await resolve(path);
  const manifest = decodeManifest(await readFile(file), file);
  const { model } = manifest.state;
  if (expect.model !== undefined && model.name !== expect.model) {
    const problem = `is a checkpoint of model '${model.name}', not of '${expect.model}'`;
    throw new CheckpointModelError(file, problem, `Give --model ${model.name}, or a checkpoint of '${expect.model}'`);
  }
  const tensors = await readTensors(file, manifest, signal);
  checkParameters(join(dirname(file), manifest.tensors.file), tensors, expect.parameters ?? []);
  return { path: file, state: manifest.state, tensors };
}

const missing = (path: string, problem: string) => (error: NodeJS.ErrnoException) => {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw new CheckpointMissingError(path, problem);
  throw error;
};

/** A longer file is no state of a run; it is not read into memory to find that out. */
const LONGEST_STATE = 64 << 20;

/** The JSON file that is meant: itself, the one beside the tensors, or the newest in the directory. */
async function resolve(given: string): Promise<string> {
  const path = given.replace(/\.safetensors$/, '.json');
  const found = await stat(path).catch(missing(path, 'there is no such file or directory'));
  if (found.size > LONGEST_STATE) throw new CheckpointCorruptError(path, `${found.size} bytes are no state of a run`);
  if (!found.isDirectory()) return path;
  const latest = await latestCheckpoint(path);
  if (latest === undefined) throw new CheckpointMissingError(path, 'the directory holds none');
  return latest;
}

async function readTensors(stateFile: string, manifest: Manifest, signal?: AbortSignal) {
  const file = join(dirname(stateFile), manifest.tensors.file);
  await using handle = await open(file, 'r').catch(missing(file, `'${stateFile}' names it, and it is gone`));
  const { size } = await handle.stat();
  const expected = manifest.tensors.bytes;
  if (size < expected) throw new CheckpointTruncatedError(file, size, `and ${expected} bytes were written`);
  if (size > expected) throw new CheckpointCorruptError(file, `it has ${size} bytes, and ${expected} were written`);
  return await readOpenTensors(handle, { file, size, stateFile, manifest }, signal);
}

interface Source {
  readonly file: string;
  readonly size: number;
  readonly stateFile: string;
  readonly manifest: Manifest;
}

async function readOpenTensors(handle: FileHandle, source: Source, signal?: AbortSignal) {
  const { file, size, manifest } = source;
  const reader = new HashingReader(handle, file, signal);
  const prefix = new Uint8Array(Math.min(PREFIX, size));
  await reader.fill(prefix);
  const json = new Uint8Array(decodeHeaderLength(prefix, file, size));
  await reader.fill(json);
  const header = decodeHeader(json, file, size);
  checkLabel(header, source);
  const tensors = new Map<string, CheckpointTensor>();
  for (const { name, shape, begin, end } of header.places) {
    const data = new Float32Array(new ArrayBuffer(end - begin));
    await reader.fill(new Uint8Array(data.buffer));
    tensors.set(name, { shape, data });
  }
  if (reader.digest() !== manifest.tensors.sha256) {
    throw new CheckpointCorruptError(file, `its content does not fit the SHA-256 in '${source.stateFile}'`);
  }
  return tensors;
}

function checkLabel({ metadata }: Header, { file, stateFile, manifest }: Source): void {
  const label = labelOf(manifest.state);
  for (const what of ['model', 'run', 'step'] as const) {
    const found = metadata[what] ?? 'unknown';
    if (found !== label[what]) throw new CheckpointMismatchError(stateFile, file, what, label[what]!, found);
  }
}

function checkParameters(
  file: string,
  tensors: Checkpoint['tensors'],
  parameters: readonly Pick<Parameter, 'name' | 'type'>[],
): void {
  for (const { name, type } of parameters) {
    const tensor = tensors.get(name);
    const wanted = `[${type.shape.join(', ')}]`;
    const found = tensor === undefined ? 'not there' : `of shape [${tensor.shape.join(', ')}]`;
    if (found !== `of shape ${wanted}`) {
      const problem = `does not fit the model: parameter '${name}' of shape ${wanted} is ${found}`;
      throw new CheckpointModelError(file, problem, 'Give a checkpoint of this model with these classes and inputs');
    }
  }
}
