import { readdir, readFile } from 'node:fs/promises';
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

/** Order by code units, which does not depend on the machine's language. */
function byCodeUnits(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Lists a directory without hidden entries. Throws DataDirectoryError when it cannot be read. */
export async function listDirectory(path: string): Promise<Listing> {
  try {
    const entries = (await readdir(path, { withFileTypes: true })).filter((entry) => !entry.name.startsWith('.'));
    const names = (wanted: boolean) =>
      entries.flatMap((entry) => (entry.isDirectory() === wanted ? [entry.name] : [])).sort(byCodeUnits);
    return { path, files: names(false), directories: names(true) };
  } catch (error) {
    throw new DataDirectoryError(
      path,
      `cannot be read as a directory (${systemCode(error)}): check its path and permissions`,
    );
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
