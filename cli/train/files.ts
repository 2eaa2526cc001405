import { access, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PathError } from '../errors.ts';

export const MODEL_FILE = 'model.onnx';
export const RUN_FILE = 'run.json';
export const CHECKPOINTS = 'checkpoints';

/** Makes the directory of a run. @throws PathError where it cannot be used, or holds another run already */
export async function prepareRunDirectory(directory: string, isResumed: boolean): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await access(directory, 2);
  } catch (error) {
    throw new PathError(directory, 'cannot be written to: choose another directory with --out', { cause: error });
  }
  if (isResumed) return;
  for (const file of [RUN_FILE, MODEL_FILE, CHECKPOINTS]) {
    const found = await stat(join(directory, file)).catch(() => undefined);
    if (found !== undefined) {
      throw new PathError(
        directory,
        `holds a run already (${file}): choose another --out, or go on with it by --resume`,
      );
    }
  }
}

/** A file is there whole or not at all. */
export async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const passing = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(passing, content);
    await rename(passing, path);
  } catch (error) {
    await rm(passing, { force: true });
    throw error;
  }
}
