import { copyFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { OUTPUT_LOG } from './names.ts';

/** As much as an unattended run says in about a day. */
export const MOST_OUTPUT_BYTES = 2 << 20;

/** Where the part before the newest one is. */
const former = (path: string): string => `${path}.1`;

/**
 * What an unattended run says goes on for as long as it does: once it is so much, it becomes `output.log.1` in place of
 * what that held, and `output.log` begins anew. The run's process appends to a file that it has open, so the file stays
 * and is emptied; what is said between the copy and that is lost.
 */
export async function boundOutput(directory: string, mostBytes = MOST_OUTPUT_BYTES): Promise<void> {
  const path = join(directory, OUTPUT_LOG);
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size <= mostBytes) return;
  // A full disk keeps the copy from being made, and is helped by the emptying.
  await copyFile(path, former(path)).catch(() => {});
  await truncate(path);
}
