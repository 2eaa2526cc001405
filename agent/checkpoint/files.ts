import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { CheckpointTruncatedError } from './errors.ts';

/** Bytes that are hashed and written at once: some milliseconds of the main thread even on a slow board. */
const CHUNK = 1 << 20;

/** A file that is being written has this at the end of its name, and nobody reads it. */
export const PARTIAL = '.partial';

/** What was written or read: enough to recognise the file again. */
export interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Writes a file that is either there in full, on the disk, under its name, or not there at all. The name itself is only
 * durable after `syncDirectory`.
 */
export async function writeFileAtomically(
  path: string,
  parts: Iterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<FileDigest> {
  const partial = `${path}${PARTIAL}`;
  try {
    const digest = await writeAll(partial, parts, signal);
    await rename(partial, path);
    return digest;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function writeAll(path: string, parts: Iterable<Uint8Array>, signal?: AbortSignal): Promise<FileDigest> {
  await using handle = await open(path, 'w');
  const hash = createHash('sha256');
  let bytes = 0;
  for (const part of parts) {
    for (const chunk of chunksOf(part)) {
      signal?.throwIfAborted();
      hash.update(chunk);
      await writeFully(handle, chunk);
      bytes += chunk.length;
    }
  }
  await handle.sync();
  return { bytes, sha256: hash.digest('hex') };
}

/** A single write may take less than it was given, as where the disk is nearly full. */
async function writeFully(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, done);
    done += bytesWritten;
  }
}

function* chunksOf(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let from = 0; from < bytes.length; from += CHUNK) yield bytes.subarray(from, from + CHUNK);
}

/** Makes the names in a directory durable: renames and removals before this call outlive a loss of power. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r');
  await handle.sync();
}

/** Reads a file from front to end into arrays of the caller's, and knows the digest of all that was read. */
export class HashingReader {
  readonly #handle: FileHandle;
  readonly #file: string;
  readonly #hash = createHash('sha256');
  readonly #signal: AbortSignal | undefined;
  #position = 0;

  constructor(handle: FileHandle, file: string, signal?: AbortSignal) {
    this.#handle = handle;
    this.#file = file;
    this.#signal = signal;
  }

  /** @throws CheckpointTruncatedError where the file ends before `into` is full */
  async fill(into: Uint8Array): Promise<void> {
    for (let done = 0; done < into.length; ) {
      this.#signal?.throwIfAborted();
      const chunk = into.subarray(done, done + CHUNK);
      const { bytesRead } = await this.#handle.read(chunk, 0, chunk.length, this.#position);
      if (bytesRead === 0) {
        throw new CheckpointTruncatedError(this.#file, this.#position, 'and became shorter while it was read');
      }
      this.#hash.update(chunk.subarray(0, bytesRead));
      this.#position += bytesRead;
      done += bytesRead;
    }
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}
