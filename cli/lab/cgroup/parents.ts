import { access, constants, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Hierarchy, hierarchiesOf } from './hierarchies.ts';

/** A group in which new ones may be made. */
export interface Parent {
  readonly version: 1 | 2;
  readonly directory: string;
}

/** Where groups for each purpose may be made; absent where this process has not the rights, or the kernel not the means. */
export interface Parents {
  readonly cpu?: Parent;
  readonly memory?: Parent;
  /** What counts a group's processor time. */
  readonly accounting?: Parent;
}

/** Looks where this process may make groups. */
export async function findParents(process = '/proc/self'): Promise<Parents> {
  const read = (file: string) => readFile(join(process, file), 'utf8').catch(() => '');
  return parentsIn(hierarchiesOf(await read('mountinfo'), await read('cgroup')));
}

export async function parentsIn(hierarchies: readonly Hierarchy[]): Promise<Parents> {
  const cpu = await parentFor('cpu', hierarchies);
  const memory = await parentFor('memory', hierarchies);
  const accounting = cpu?.version === 2 ? cpu : await parentFor('cpuacct', hierarchies);
  return {
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memory }),
    ...(accounting === undefined ? {} : { accounting }),
  };
}

async function parentFor(controller: string, hierarchies: readonly Hierarchy[]): Promise<Parent | undefined> {
  for (const hierarchy of hierarchies) {
    const directory =
      hierarchy.version === 1 ? await parentOfOne(controller, hierarchy) : await parentOfTwo(controller, hierarchy);
    if (directory !== undefined) return { version: hierarchy.version, directory };
  }
  return undefined;
}

/** Version 1: below the own group, so that a limit on that holds for the lab too. */
async function parentOfOne(controller: string, { controllers, ownGroup }: Hierarchy): Promise<string | undefined> {
  return controllers.includes(controller) && (await isWritable(ownGroup)) ? ownGroup : undefined;
}

/**
 * Version 2: the nearest group above that hands the controller down to its children. The own group cannot be made to:
 * a group that holds processes may not ("no internal processes", cgroups(7)).
 */
async function parentOfTwo(controller: string, { mountPoint, ownGroup }: Hierarchy): Promise<string | undefined> {
  for (let group = ownGroup; group.startsWith(mountPoint); group = dirname(group)) {
    const handedDown = await readFile(join(group, 'cgroup.subtree_control'), 'utf8').catch(() => '');
    if (handedDown.split(/\s+/).includes(controller) && (await isWritable(group))) return group;
  }
  return undefined;
}

async function isWritable(directory: string): Promise<boolean> {
  return access(directory, constants.W_OK).then(
    () => true,
    () => false,
  );
}
