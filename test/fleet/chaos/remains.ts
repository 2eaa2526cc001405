import { spawnSync } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listLabs } from '../../../cli/lab/directory.ts';
import { identityOf, isAlive } from '../../../cli/lab/processes.ts';
import { removeLab } from '../../../cli/lab/remove.ts';
import { killIn } from './processes.ts';

// A scene lies in a directory that is named after the process that plays it, `flotilla-chaos-PID-STARTTICKS`: so whoever
// comes later can tell whether it is still played. All that has to be removed one day is found from that directory.

const PREFIX = 'flotilla-chaos-';

/** Where this process plays. */
export async function ownSceneDirectory(): Promise<string> {
  const { pid, startTicks } = (await identityOf(process.pid))!;
  return join(tmpdir(), `${PREFIX}${pid}-${startTicks}`);
}

export const labsOf = (directory: string): string => join(directory, 'labs');
export const diskOf = (directory: string): string => join(directory, 'disk');

/** Removes what a scene has made: processes, the lab with its namespaces and control groups, the disk, the directory. */
export async function removeScene(directory: string): Promise<void> {
  await killIn(directory);
  for (const lab of await listLabs(labsOf(directory))) await removeLab(lab);
  // There is nothing to unmount where the rights were missing.
  spawnSync('umount', ['-l', diskOf(directory)]);
  await rm(directory, { recursive: true, force: true });
}

/** Removes the scenes that nobody plays any more, and says which those were. */
export async function removeDeadScenes(root = tmpdir()): Promise<readonly string[]> {
  const dead: string[] = [];
  for (const name of await readdir(root)) {
    const [, pid, startTicks] = new RegExp(`^${PREFIX}(\\d+)-(\\d+)$`).exec(name) ?? [];
    if (pid === undefined || (await isAlive({ pid: Number(pid), startTicks: Number(startTicks) }))) continue;
    await removeScene(join(root, name));
    dead.push(name);
  }
  return dead;
}
