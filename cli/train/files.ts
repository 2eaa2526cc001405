import { access, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PathError } from '../errors.ts';
import { CHECKPOINTS, MODEL_FILE, RUN_FILE, RUN_LOG, readRunLog } from '../runs/index.ts';

/** Makes the directory of a run. @throws PathError where it cannot be used, or holds another run already */
export async function prepareRunDirectory(directory: string, isResumed: boolean): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await access(directory, 2);
  } catch (error) {
    throw new PathError(directory, 'cannot be written to: choose another directory with --out', { cause: error });
  }
  if (isResumed) return;
  await removeEndedLog(directory);
  for (const file of [RUN_FILE, MODEL_FILE, CHECKPOINTS, RUN_LOG]) {
    const found = await stat(join(directory, file)).catch(() => undefined);
    if (found !== undefined) {
      throw new PathError(
        directory,
        `holds a run already (${file}): choose another --out, or go on with it by --resume`,
      );
    }
  }
}

/** A run that has ended and left nothing but its log is as good as none. @throws RunLogDamagedError */
async function removeEndedLog(directory: string): Promise<void> {
  const files = await readdir(directory);
  const isAlone = [RUN_FILE, MODEL_FILE, CHECKPOINTS].every((file) => !files.includes(file));
  if (!isAlone || (await readRunLog(directory))?.ended === undefined) return;
  await rm(join(directory, RUN_LOG), { force: true });
}

/** The run in `runs` whose checkpoints changed last; undefined where there is none. */
export async function latestRun(runs: string): Promise<string | undefined> {
  const names = await readdir(runs).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const changed = await stat(join(runs, name, CHECKPOINTS)).catch(() => undefined);
      return changed === undefined ? [] : [{ directory: join(runs, name), at: changed.mtimeMs }];
    }),
  );
  return found.flat().sort((a, b) => b.at - a.at)[0]?.directory;
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
