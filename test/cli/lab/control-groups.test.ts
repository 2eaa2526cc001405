import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parseCpuStat } from '../../../cli/lab/cgroup/group.ts';
import { hierarchiesOf } from '../../../cli/lab/cgroup/hierarchies.ts';
import { directoriesOf, groupUse, makeGroup, planGroup, removeGroup } from '../../../cli/lab/cgroup/index.ts';
import { bandwidth, cpuSettings } from '../../../cli/lab/cgroup/limits.ts';
import { parentsIn } from '../../../cli/lab/cgroup/parents.ts';
import { directoryFor } from '../support.ts';

/** As recorded: version 1 with a mount a controller, and a version 2 mount without any. */
const hybrid = {
  mountinfo: `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`,
  own: `4:memory:/jobs/17
2:cpuacct:/
1:cpu:/
0::/
`,
};

test('version 1: each controller has a mount, and the own group lies in it', (t) => {
  const found = hierarchiesOf(hybrid.mountinfo, hybrid.own);
  t.deepEqual(
    found.map(({ version, controllers, ownGroup }) => [version, controllers.join(), ownGroup]),
    [
      [1, 'cpu', '/sys/fs/cgroup/cpu'],
      [1, 'cpuacct', '/sys/fs/cgroup/cpuacct'],
      [1, 'memory', '/sys/fs/cgroup/memory/jobs/17'],
      [2, '', '/sys/fs/cgroup/unified'],
    ],
  );
});

test('version 1 as systemd mounts it: two controllers share a mount', (t) => {
  const mountinfo = '34 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:11 - cgroup cgroup rw,cpu,cpuacct';
  const [found] = hierarchiesOf(mountinfo, '3:cpu,cpuacct:/user.slice');
  t.like(found, { version: 1, ownGroup: '/sys/fs/cgroup/cpu,cpuacct/user.slice' });
  t.deepEqual(found?.controllers, ['cpu', 'cpuacct']);
});

test('version 2: one mount, and the own group by its path', (t) => {
  const mountinfo =
    '30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate';
  const found = hierarchiesOf(mountinfo, '0::/user.slice/user-1000.slice/session-3.scope');
  t.like(found, [{ version: 2, ownGroup: '/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope' }]);
});

test('in a container that sees its group as the root of the mount, the mount point is the own group', (t) => {
  const mountinfo = '60 50 0:33 /docker/4f /sys/fs/cgroup/cpu ro,nosuid - cgroup cgroup rw,cpu';
  t.like(hierarchiesOf(mountinfo, '4:cpu:/docker/4f'), [{ ownGroup: '/sys/fs/cgroup/cpu' }]);
});

test('a quota is computing time in periods of 10 ms; a very small one gets a longer period', (t) => {
  t.deepEqual(bandwidth(0.4), { quota: 4_000, period: 10_000 });
  t.deepEqual(bandwidth(2), { quota: 20_000, period: 10_000 });
  t.deepEqual(bandwidth(0.05), { quota: 1_000, period: 20_000 });
});

test('the period is set before the quota, which the kernel holds against it', (t) => {
  t.deepEqual(
    cpuSettings(1, { quota: 0.2 }).map(({ file }) => file),
    ['cpu.cfs_period_us', 'cpu.cfs_quota_us'],
  );
});

test('version 1: a group below the own one gets quota and memory, and is removed', async (t) => {
  const root = await directoryFor(t);
  const at = (controller: string) => ({
    version: 1 as const,
    controllers: [controller],
    mountPoint: join(root, controller),
    ownGroup: join(root, controller, 'own'),
  });
  for (const { ownGroup } of ['cpu', 'cpuacct', 'memory'].map(at)) await mkdir(ownGroup, { recursive: true });
  const parents = await parentsIn(['cpu', 'cpuacct', 'memory'].map(at));
  const limits = { quota: 0.4, memoryBytes: 512e6 };
  const group = planGroup(parents, 'lab-a', limits)!;
  t.is(group.cpu?.directory, join(root, 'cpu', 'own', 'lab-a'));
  await makeGroup(group, limits);
  const read = (controller: string, file: string) => readFile(join(root, controller, 'own', 'lab-a', file), 'utf8');
  t.is(await read('cpu', 'cpu.cfs_period_us'), '10000');
  t.is(await read('cpu', 'cpu.cfs_quota_us'), '4000');
  t.is(await read('memory', 'memory.limit_in_bytes'), '512000000');
  await writeFile(join(root, 'cpu', 'own', 'lab-a', 'cpu.stat'), 'nr_periods 40\nnr_throttled 10\nthrottled_time 7\n');
  await writeFile(join(root, 'cpuacct', 'own', 'lab-a', 'cpuacct.usage'), '2500000000\n');
  t.deepEqual(await groupUse(group), { cpuSeconds: 2.5, throttledShare: 0.25 });
});

test('version 2: groups are made below the nearest group that hands its controllers down', async (t) => {
  const root = await directoryFor(t);
  const own = join(root, 'user', 'session');
  await mkdir(own, { recursive: true });
  await writeFile(join(root, 'cgroup.subtree_control'), 'cpu io memory\n');
  await writeFile(join(root, 'user', 'cgroup.subtree_control'), 'cpu memory pids\n');
  await writeFile(join(own, 'cgroup.subtree_control'), '\n');
  const parents = await parentsIn([{ version: 2, controllers: [], mountPoint: root, ownGroup: own }]);
  const limits = { quota: 0.4, memoryBytes: 512e6 };
  const group = planGroup(parents, 'lab-a', limits)!;
  const [directory, ...others] = directoriesOf(group);
  t.deepEqual(others, [], 'one directory for all of it');
  t.is(directory, join(root, 'user', 'lab-a'));
  await makeGroup(group, limits);
  t.is(await readFile(join(directory!, 'cpu.max'), 'utf8'), '4000 10000');
  t.is(await readFile(join(directory!, 'memory.max'), 'utf8'), '512000000');
  t.is(await readFile(join(directory!, 'memory.swap.max'), 'utf8'), '0');
  await writeFile(join(directory!, 'cpu.stat'), 'usage_usec 1500000\nuser_usec 1\nnr_periods 10\nnr_throttled 9\n');
  t.deepEqual(await groupUse(group), { cpuSeconds: 1.5, throttledShare: 0.9 });
});

test('a version 2 mount that hands nothing down offers nothing', async (t) => {
  const root = await directoryFor(t);
  await writeFile(join(root, 'cgroup.subtree_control'), '\n');
  t.deepEqual(await parentsIn([{ version: 2, controllers: [], mountPoint: root, ownGroup: root }]), {});
});

test('a board without quota and memory, or a machine without rights, gets no group', (t) => {
  t.is(planGroup({ cpu: { version: 2, directory: '/x' } }, 'lab-a', {}), undefined);
  t.is(planGroup({}, 'lab-a', { quota: 0.4, memoryBytes: 512e6 }), undefined);
});

test('a group that is gone already counts as removed', async (t) => {
  t.true(await removeGroup(join(await directoryFor(t), 'never')));
});

test('cpu.stat is read by its names', (t) => {
  t.deepEqual(parseCpuStat('nr_periods 12\nnr_throttled 3\n'), { nr_periods: 12, nr_throttled: 3 });
});
