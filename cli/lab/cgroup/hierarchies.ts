import { join, relative } from 'node:path';

/** A tree of control groups that is mounted, and where in it this process is. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** Of version 1: what the mount controls. Version 2 says so itself, group by group. */
  readonly controllers: readonly string[];
  readonly mountPoint: string;
  /** The directory of this process's own group. */
  readonly ownGroup: string;
}

/**
 * The hierarchies of this process, from the text of `/proc/self/mountinfo` and `/proc/self/cgroup` (proc(5),
 * cgroups(7)). A container sees its group as the root of the mount: then the mount point is the own group.
 */
export function hierarchiesOf(mountinfo: string, ownGroups: string): readonly Hierarchy[] {
  const groups = ownGroups.split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    return path === undefined ? [] : [{ controllers: controllers!.split(',').filter(Boolean), path }];
  });
  return mountinfo.split('\n').flatMap((line): readonly Hierarchy[] => {
    const mount = readMount(line);
    if (mount === undefined) return [];
    const { version, options, root, mountPoint } = mount;
    const own = groups.find(({ controllers }) =>
      version === 2 ? controllers.length === 0 : controllers.some((name) => options.includes(name)),
    );
    if (own === undefined) return [];
    return [{ version, controllers: own.controllers, mountPoint, ownGroup: join(mountPoint, within(root, own.path)) }];
  });
}

/** `32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu` */
function readMount(line: string) {
  const [before = '', after = ''] = line.split(' - ');
  const [, , , root, mountPoint] = before.split(' ');
  const [type, , options = ''] = after.split(' ');
  if (root === undefined || mountPoint === undefined) return undefined;
  if (type !== 'cgroup' && type !== 'cgroup2') return undefined;
  return { version: type === 'cgroup' ? 1 : 2, options: options.split(','), root, mountPoint } as const;
}

function within(root: string, path: string): string {
  const inside = relative(root, path);
  return inside.startsWith('..') ? '' : inside;
}
