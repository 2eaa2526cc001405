import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CorruptDataError, DataDirectoryError } from './errors.ts';

/** What lies directly in a directory, sorted by name so that every machine sees the same order. */
export interface Listing {
  readonly path: string;
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

/** The message of an error of the system, with its code ('EACCES') where it has one. */
function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Whether an entry is a directory or a link to one; data often lies elsewhere and is linked. */
async function isDirectory(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const target = await stat(join(parent, entry.name)).catch(() => null); // a broken link is told when it is read
  return target?.isDirectory() ?? false;
}

/** Lists a directory without hidden entries, in the order of code units. Throws DataDirectoryError when it cannot be read. */
export async function listDirectory(path: string): Promise<Listing> {
  try {
    const files: string[] = [];
    const directories: string[] = [];
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      ((await isDirectory(path, entry)) ? directories : files).push(entry.name);
    }
    return { path, files: files.sort(), directories: directories.sort() };
  } catch (error) {
    const problem = `cannot be read as a directory (${systemCode(error)}): check its path and permissions`;
    throw new DataDirectoryError(path, problem);
  }
}

/** Reads a file. Throws CorruptDataError with the system's reason, or the signal's reason when aborted. */
export async function readBytes(file: string, signal?: AbortSignal): Promise<Buffer<ArrayBuffer>> {
  signal?.throwIfAborted();
  try {
    return (await readFile(file, signal === undefined ? {} : { signal })) as Buffer<ArrayBuffer>;
  } catch (error) {
    signal?.throwIfAborted();
    throw new CorruptDataError(file, `cannot be read (${systemCode(error)}): check its permissions and the disk`);
  }
}
