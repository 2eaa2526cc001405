import { createHash } from 'node:crypto';
import { CheckpointCorruptError, CheckpointTruncatedError, CheckpointVersionError } from './errors.ts';
import type { FileDigest } from './files.ts';
import { count, hex256, object, type Reader, text } from './json.ts';
import { type RunState, readRunState } from './state.ts';

/** The version of the files' form; it changes when a reader of this one would misunderstand the next. */
export const CHECKPOINT_VERSION = 1;

/** The file that holds the tensors, in the same directory. */
export interface TensorFile extends FileDigest {
  readonly file: string;
}

/** What a checkpoint's JSON file says. */
export interface Manifest {
  readonly state: RunState;
  readonly tensors: TensorFile;
}

const fileName: Reader<string> = (value, field, fail) => {
  const name = text(value, field, fail);
  if (/[/\\\0]/.test(name)) throw fail(`'${field}' is '${name}', which is not the name of a file beside this one`);
  return name;
};

const readManifest = object<Manifest>({
  state: readRunState,
  tensors: object<TensorFile>({ file: fileName, bytes: count, sha256: hex256 }),
});

/** A digest of the content, independent of how it is indented. */
const digestOf = (content: unknown) => createHash('sha256').update(JSON.stringify(content)).digest('hex');

/**
 * The state as it will be read again, after a way through JSON.
 * @throws TypeError for a state that JSON cannot say (a loss that is not finite, a missing field)
 */
export function portableState(state: RunState): RunState {
  return readRunState(JSON.parse(JSON.stringify(state)), 'state', (problem) => new TypeError(problem));
}

/** The JSON text. @param manifest with a state from `portableState` */
export function encodeManifest({ state, tensors }: Manifest): Uint8Array {
  const sha256 = digestOf({ state, tensors });
  return Buffer.from(`${JSON.stringify({ version: CHECKPOINT_VERSION, state, tensors, sha256 }, null, 2)}\n`);
}

/** @throws CheckpointTruncatedError, CheckpointVersionError, CheckpointCorruptError */
export function decodeManifest(bytes: Uint8Array, file: string): Manifest {
  const corrupt = (problem: string) => new CheckpointCorruptError(file, problem);
  const { version, sha256, ...content } = parse(bytes, file);
  if (version !== CHECKPOINT_VERSION) throw new CheckpointVersionError(file, version, CHECKPOINT_VERSION);
  if (sha256 !== digestOf(content)) throw corrupt('its content does not fit its SHA-256, so it was altered');
  return readManifest(content, 'checkpoint', corrupt);
}

function parse(bytes: Uint8Array, file: string): Readonly<Record<string, unknown>> {
  const written = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  // Only the last line is a brace that is not indented.
  if (!written.endsWith('\n}\n')) {
    throw new CheckpointTruncatedError(file, bytes.length, 'without the closing brace of its JSON');
  }
  try {
    const parsed: unknown = JSON.parse(written);
    if (typeof parsed === 'object' && parsed !== null) return parsed as Readonly<Record<string, unknown>>;
  } catch {
    // The error below says it.
  }
  throw new CheckpointCorruptError(file, 'it is not JSON');
}
