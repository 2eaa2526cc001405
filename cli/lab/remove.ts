import { access } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { directoriesOf, processesIn, removeGroup } from './cgroup/index.ts';
import { type LabDescription, namespacesOf } from './description.ts';
import { type LabDirectory, readDescription, recordedProcesses, removeLabDirectory } from './directory.ts';
import { LabRemainsError } from './errors.ts';
import { deleteNamespace, namespacePath, processesInNamespace } from './network/index.ts';
import { identityOf, killAll, type ProcessIdentity } from './processes.ts';

const KILL_MILLISECONDS = 3_000;
/** A group may look occupied for a moment after its last process has ended. */
const GROUP_ATTEMPTS = 25;
const GROUP_MILLISECONDS = 40;

/** How many of each were there to be removed. */
export interface Removed {
  readonly processes: number;
  readonly namespaces: number;
  readonly groups: number;
}

/**
 * Removes everything of a lab: processes, control groups, namespaces with the devices in them, and last its directory,
 * so that what was interrupted can be done again. @throws LabRemainsError
 */
export async function removeLab(lab: LabDirectory): Promise<Removed> {
  const description = await readDescription(lab.path);
  const processes = await processesOf(lab, description);
  const alive = await killAll(processes, KILL_MILLISECONDS);
  const remains = alive.map(({ pid }) => `process ${pid}`);
  const groups = (description?.boards ?? []).flatMap(({ group }) => (group === undefined ? [] : directoriesOf(group)));
  let removedGroups = 0;
  for (const directory of groups) {
    const isThere = await exists(directory);
    if (!(await removeGroupPatiently(directory))) remains.push(`control group ${directory}`);
    else if (isThere) removedGroups++;
  }
  let removedNamespaces = 0;
  for (const name of description === undefined ? [] : namespacesOf(description)) {
    if (!(await exists(namespacePath(name)))) continue;
    await deleteNamespace(name).then(
      () => removedNamespaces++,
      () => remains.push(`network namespace ${name}`),
    );
  }
  if (remains.length > 0) throw new LabRemainsError(remains);
  await removeLabDirectory(lab);
  return { processes: processes.length, namespaces: removedNamespaces, groups: removedGroups };
}

/** Those that were written down, and whoever else is in the lab's groups and namespaces; but not this one. */
async function processesOf(
  lab: LabDirectory,
  description: LabDescription | undefined,
): Promise<readonly ProcessIdentity[]> {
  const found = new Map((await recordedProcesses(lab.path)).map((each) => [each.pid, each]));
  if (description !== undefined) {
    const groups = description.boards.flatMap(({ group }) => (group === undefined ? [] : directoriesOf(group)));
    const inside = await Promise.all([
      ...groups.map(processesIn),
      ...namespacesOf(description).map(async (name) =>
        (await exists(namespacePath(name))) ? processesInNamespace(name) : [],
      ),
    ]);
    for (const pid of inside.flat()) {
      const identity = await identityOf(pid);
      if (identity !== undefined) found.set(pid, identity);
    }
  }
  found.delete(process.pid);
  const alive = await Promise.all([...found.values()].map(({ pid }) => identityOf(pid)));
  return alive.filter(
    (now) => now !== undefined && now.startTicks === found.get(now.pid)!.startTicks,
  ) as ProcessIdentity[];
}

async function removeGroupPatiently(directory: string): Promise<boolean> {
  for (let attempt = 0; attempt < GROUP_ATTEMPTS; attempt++) {
    if (await removeGroup(directory)) return true;
    await wait(GROUP_MILLISECONDS);
  }
  return false;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
