import { join } from 'node:path';
import type { Tree } from '../tree.ts';
import type { Readings } from '../types.ts';

/** Where the hierarchy that limits CPU time is mounted, and which of its groups is the mount's root. */
interface Mount {
  readonly version: 1 | 2;
  readonly root: string;
  readonly point: string;
}

const groupsPath = 'proc/self/cgroup';
const mountsPath = 'proc/self/mountinfo';
/** A group deeper than this is not looked for. */
const deepest = 32;
const anyQuota = { least: -1, most: 1e15 };
const anyPeriod = { least: 1, most: 1e9 };

/**
 * CPU time that this process may use, in CPUs: the tightest quota from its cgroup up, version 1 or 2. The boards of a
 * lab have one. [cgroups(7), proc_pid_mountinfo(5)]
 */
export function cgroupSource(tree: Tree): () => Readings {
  let mounts: readonly Mount[] = [];
  return () => {
    // Mounts stay; which group we are in may change at any time.
    if (mounts.length === 0) mounts = mountsOf(tree.text(mountsPath) ?? '');
    const groups = tree.text(groupsPath);
    if (mounts.length === 0 || groups === undefined) return {};
    const before = tree.troubles;
    const quotas = mounts.flatMap((mount) => quotasOf(tree, mount, groups));
    // Where one level cannot be read, the tightest of all is not known.
    return quotas.length === 0 || tree.troubles > before ? {} : { cpuQuota: Math.min(...quotas) };
  };
}

/** Lines like `32 31 0:29 /root /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu`. */
function mountsOf(content: string): readonly Mount[] {
  return content.split('\n').flatMap((line): Mount[] => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root, point] = left.split(' ');
    const [kind, , options = ''] = right.split(' ');
    if (root === undefined || point === undefined) return [];
    if (kind === 'cgroup2') return [{ version: 2, root, point }];
    return kind === 'cgroup' && options.split(',').includes('cpu') ? [{ version: 1, root, point }] : [];
  });
}

/** Lines like `1:cpu,cpuacct:/group`, or `0::/group` in version 2. */
function groupOf(groups: string, version: 1 | 2): string | undefined {
  for (const line of groups.split('\n')) {
    const [, id, controllers = '', path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    const ours = version === 2 ? id === '0' && controllers === '' : controllers.split(',').includes('cpu');
    if (ours) return path;
  }
  return undefined;
}

function quotasOf(tree: Tree, { version, root, point }: Mount, groups: string): readonly number[] {
  const group = groupOf(groups, version);
  if (group === undefined) return [];
  // In a container the mount may begin at our own group, or the group lie outside of what we see.
  const inside = root === '/' ? group : group.startsWith(`${root}/`) ? group.slice(root.length) : '/';
  const names = inside.split('/').filter((name) => name !== '' && name !== '..');
  const quotas = [];
  for (let depth = Math.min(names.length, deepest); depth >= 0; depth--) {
    const directory = join(point, ...names.slice(0, depth));
    quotas.push(version === 2 ? unifiedQuota(tree, directory) : legacyQuota(tree, directory));
  }
  return quotas.filter((quota) => quota !== undefined);
}

function legacyQuota(tree: Tree, directory: string): number | undefined {
  const quota = tree.number(join(directory, 'cpu.cfs_quota_us'), anyQuota);
  if (quota === undefined || quota <= 0) return undefined;
  const period = tree.number(join(directory, 'cpu.cfs_period_us'), anyPeriod);
  return period === undefined ? undefined : quota / period;
}

/** `max 100000` or `QUOTA PERIOD`, both in microseconds. */
function unifiedQuota(tree: Tree, directory: string): number | undefined {
  const path = join(directory, 'cpu.max');
  const content = tree.text(path);
  if (content === undefined || /^max \d+$/.test(content)) return undefined;
  const [, quota, period] = /^(\d{1,15}) (\d{1,9})$/.exec(content) ?? [];
  if (Number(quota) > 0 && Number(period) > 0) return Number(quota) / Number(period);
  tree.refuse(path, 'is not a quota and a period', content);
  return undefined;
}
