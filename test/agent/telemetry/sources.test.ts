import test from 'ava';
import { type SourceName, sources } from '../../../agent/telemetry/sources/index.ts';
import { decodeThrottled } from '../../../agent/telemetry/sources/raspberry.ts';
import { createProblems, createTree } from '../../../agent/telemetry/tree.ts';
import type { Readings } from '../../../agent/telemetry/types.ts';
import { memoryLog } from '../../broker/helpers.ts';
import { smallBoard } from './boards.ts';

interface Opened {
  read(): Readings;
  put(path: string, content: string | undefined): Promise<void>;
  readonly problems: Readonly<Record<string, number>>;
}

async function openSmall(
  t: { teardown(undo: () => Promise<void>): void },
  name: SourceName,
  files: Readonly<Record<string, string>>,
): Promise<Opened> {
  const board = await smallBoard(files);
  t.teardown(board.remove);
  const problems = createProblems(memoryLog().log);
  const read = sources[name](createTree(board.root, name, board.files, problems));
  return { read, put: board.put, problems: problems.counts };
}

const cpuLine = (user: number, idle: number, ioWait = 0): string => `cpu  ${user} 0 0 ${idle} ${ioWait} 0 0 0 0 0\n`;

test('load is that between two samples: first none, then the share that was busy', async (t) => {
  const { read, put } = await openSmall(t, 'processor', {
    'proc/stat': `${cpuLine(100, 900)}cpu0 1 2 3 4\ncpu1 1 2 3 4\nintr 1\n`,
  });
  t.deepEqual(read(), { cpusOnline: 2 });
  await put('proc/stat', cpuLine(130, 970));
  t.deepEqual(read(), { cpuLoad: 0.3, cpusOnline: 0 });
  await put('proc/stat', cpuLine(230, 970));
  t.is(read().cpuLoad, 1);
});

test('a window of a few ticks is no load; it grows until it is one', async (t) => {
  const { read, put } = await openSmall(t, 'processor', { 'proc/stat': cpuLine(0, 0) });
  await put('proc/stat', cpuLine(5, 0));
  t.is(read().cpuLoad, undefined);
  await put('proc/stat', cpuLine(5, 5));
  t.is(read().cpuLoad, 0.5);
});

test('counters that go back start anew, and waiting that is taken back is not negative', async (t) => {
  const { read, put, problems } = await openSmall(t, 'processor', { 'proc/stat': cpuLine(500, 500, 50) });
  await put('proc/stat', cpuLine(10, 10));
  t.is(read().cpuLoad, undefined);
  await put('proc/stat', cpuLine(20, 20, 10));
  t.is(read().cpuLoad, 1 / 3);
  await put('proc/stat', cpuLine(35, 20, 0));
  // 5 ticks in all are too few; the window grows.
  t.is(read().cpuLoad, undefined);
  await put('proc/stat', cpuLine(55, 20, 0));
  t.is(read().cpuLoad, 1);
  t.deepEqual(problems, {});
});

test('guests are counted once: their time is in the user time already', async (t) => {
  const { read, put } = await openSmall(t, 'processor', { 'proc/stat': 'cpu  0 0 0 0 0 0 0 0 0 0\n' });
  await put('proc/stat', 'cpu  50 0 0 50 0 0 0 0 50 0\n');
  t.is(read().cpuLoad, 0.5);
});

test('a kernel that does not say what memory is available is said to be so', async (t) => {
  const { read, problems } = await openSmall(t, 'memory', {
    'proc/meminfo': 'MemTotal:  125128 kB\nMemFree:  80288 kB\n',
  });
  t.deepEqual(read(), {});
  t.deepEqual(problems, { memory: 1 });
});

test('more available than there is cannot be', async (t) => {
  const { read } = await openSmall(t, 'memory', { 'proc/meminfo': 'MemTotal: 10 kB\nMemAvailable: 11 kB\n' });
  t.deepEqual(read(), {});
});

const mountedAt = (root: string): string => `28 24 0:25 ${root} /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n`;

test('the tightest quota counts, be it of the group or of one above', async (t) => {
  const { read, put } = await openSmall(t, 'cgroup', {
    'proc/self/mountinfo': mountedAt('/'),
    'proc/self/cgroup': '0::/a/b\n',
    'sys/fs/cgroup/a/cpu.max': '50000 100000\n',
    'sys/fs/cgroup/a/b/cpu.max': '80000 100000\n',
  });
  t.deepEqual(read(), { cpuQuota: 0.5 });
  await put('sys/fs/cgroup/a/cpu.max', 'max 100000\n');
  t.deepEqual(read(), { cpuQuota: 0.8 });
  await put('sys/fs/cgroup/a/b/cpu.max', 'max 100000\n');
  t.deepEqual(read(), {});
});

test('a process that is moved to another group has the quota of that one', async (t) => {
  const { read, put } = await openSmall(t, 'cgroup', {
    'proc/self/mountinfo': mountedAt('/'),
    'proc/self/cgroup': '0::/\n',
    'sys/fs/cgroup/lab/cpu.max': '2500 10000\n',
  });
  t.deepEqual(read(), {});
  await put('proc/self/cgroup', '0::/lab\n');
  t.deepEqual(read(), { cpuQuota: 0.25 });
});

test('where one level of groups cannot be read, no quota is claimed', async (t) => {
  const { read } = await openSmall(t, 'cgroup', {
    'proc/self/mountinfo': mountedAt('/'),
    'proc/self/cgroup': '0::/a/b\n',
    'sys/fs/cgroup/a/cpu.max': '80000 100000\n',
    'sys/fs/cgroup/a/b/cpu.max': 'garbage\n',
  });
  t.deepEqual(read(), {});
});

test('in a container the group is found below the mount, and one outside of it is the mount itself', async (t) => {
  const files = { 'sys/fs/cgroup/cpu.max': '30000 100000\n', 'sys/fs/cgroup/in/cpu.max': '10000 100000\n' };
  const mounted = { ...files, 'proc/self/mountinfo': mountedAt('/docker/1') };
  const inside = await openSmall(t, 'cgroup', { ...mounted, 'proc/self/cgroup': '0::/docker/1/in\n' });
  t.deepEqual(inside.read(), { cpuQuota: 0.1 });
  for (const group of ['/docker/1', '/docker/12/in', '/../../other', '/']) {
    const { read } = await openSmall(t, 'cgroup', { ...mounted, 'proc/self/cgroup': `0::${group}\n` });
    t.deepEqual(read(), { cpuQuota: 0.3 }, group);
  }
});

test('version 1 finds its hierarchy also where cpu and cpuacct are one', async (t) => {
  const group = 'sys/fs/cgroup/cpu,cpuacct/lab';
  const { read } = await openSmall(t, 'cgroup', {
    'proc/self/mountinfo': '30 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n',
    'proc/self/cgroup': '5:cpu,cpuacct:/lab\n4:cpuset:/elsewhere\n',
    [`${group}/cpu.cfs_quota_us`]: '150000\n',
    [`${group}/cpu.cfs_period_us`]: '100000\n',
  });
  t.deepEqual(read(), { cpuQuota: 1.5 });
});

test('the hottest of several CPU zones is told, by its name', async (t) => {
  const zone = (at: number, type: string, temp: number) => ({
    [`sys/class/thermal/thermal_zone${at}/type`]: `${type}\n`,
    [`sys/class/thermal/thermal_zone${at}/temp`]: `${temp}\n`,
  });
  const tx2 = { ...zone(0, 'BCPU-therm', 41_000), ...zone(1, 'MCPU-therm', 43_500), ...zone(2, 'PMIC-Die', 100_000) };
  const one = await openSmall(t, 'thermal', tx2);
  t.deepEqual(one.read(), { temperatureC: 43.5, temperatureZone: 'MCPU-therm' });
  await one.put('sys/class/thermal/thermal_zone1/temp', 'n/a\n');
  t.deepEqual(one.read(), { temperatureC: 41, temperatureZone: 'BCPU-therm' });
  const chip = await openSmall(t, 'thermal', { ...zone(0, 'soc-thermal', 39_000), ...zone(1, 'iwlwifi_1', 60_000) });
  t.deepEqual(chip.read(), { temperatureC: 39, temperatureZone: 'soc-thermal' });
});

test('a sensor that says 0 or less is off', async (t) => {
  for (const temp of ['0', '-1', '-256000']) {
    const { read, problems } = await openSmall(t, 'thermal', {
      'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
      'sys/class/thermal/thermal_zone0/temp': `${temp}\n`,
    });
    t.deepEqual(read(), {});
    t.deepEqual(problems, { thermal: 1 });
  }
});

test('policies of CPUs that are off are left out', async (t) => {
  const policy = (at: number) => `sys/devices/system/cpu/cpufreq/policy${at}`;
  const { read } = await openSmall(t, 'cpufreq', {
    [`${policy(10)}/scaling_cur_freq`]: '1000000\n',
    [`${policy(2)}/scaling_cur_freq`]: '600000\n',
    [`${policy(4)}/scaling_cur_freq`]: '<unknown>\n',
    'sys/devices/system/cpu/cpufreq/ondemand/up_threshold': '50\n',
  });
  const frequencies = [
    { policy: 2, hz: 600_000_000 },
    { policy: 10, hz: 1_000_000_000 },
  ];
  t.deepEqual(read(), { frequencies, frequencyHz: 1_000_000_000 });
});

test('the GPU is told from its neighbours among the devices that change their frequency', async (t) => {
  const gpus = [
    '57000000.gpu',
    '17000000.ga10b',
    '17000000.gv11b',
    'gpu-gpc-0',
    'fb000000.gpu-panthor',
    '13000000.mali',
  ];
  const others = ['dmc', '15340000.vic', 'fdab0000.npu', 'soc:qcom,gpubw', '154c0000.nvenc', 'emc', '17000000.gpux'];
  for (const name of [...gpus, ...others]) {
    const { read } = await openSmall(t, 'devfreq', { [`sys/class/devfreq/${name}/cur_freq`]: '300000000\n' });
    t.deepEqual(read(), gpus.includes(name) ? { gpuFrequencyHz: 300_000_000 } : {}, name);
  }
});

test('a load in percent at a frequency is read, too, and a suspended GPU has no frequency', async (t) => {
  const { read } = await openSmall(t, 'devfreq', {
    'sys/class/devfreq/fb000000.gpu/load': '29@800000000Hz\n',
    'sys/class/devfreq/fb000000.gpu/cur_freq': '0\n',
  });
  t.deepEqual(read(), { gpuLoad: 0.29 });
});

test('the load of a Jetson is found on every platform, and an idle GPU has load 0', async (t) => {
  for (const device of ['gpu.0', 'platform/gpu.0', 'platform/bus@0/17000000.gpu', '17000000.gv11b']) {
    const { read } = await openSmall(t, 'jetson', { [`sys/devices/${device}/load`]: '0\n' });
    t.deepEqual(read(), { gpuLoad: 0 }, device);
  }
});

const clear = { underVoltage: false, frequencyCapped: false, throttled: false, softTemperatureLimit: false };
const words: readonly [word: number, throttled: boolean, now: object, sinceBoot: object][] = [
  [0x0, false, {}, {}],
  [0x1, false, { underVoltage: true }, {}],
  [0x2, true, { frequencyCapped: true }, {}],
  [0x4, true, { throttled: true }, {}],
  [0x8, true, { softTemperatureLimit: true }, {}],
  [0x10000, false, {}, { underVoltage: true }],
  [0x20000, false, {}, { frequencyCapped: true }],
  [0x40000, false, {}, { throttled: true }],
  [0x80000, false, {}, { softTemperatureLimit: true }],
  [0x50005, true, { underVoltage: true, throttled: true }, { underVoltage: true, throttled: true }],
  [
    0xe0008,
    true,
    { softTemperatureLimit: true },
    { frequencyCapped: true, throttled: true, softTemperatureLimit: true },
  ],
  [0xfff0fff0, false, {}, {}],
];

for (const [word, throttled, now, sinceBoot] of words) {
  test(`get_throttled 0x${word.toString(16)} is decoded`, (t) => {
    const throttle = { now: { ...clear, ...now }, sinceBoot: { ...clear, ...sinceBoot } };
    t.deepEqual(decodeThrottled(word), { throttled, throttle });
  });
}

test("the firmware's word is hexadecimal, with or without 0x", async (t) => {
  const path = 'sys/devices/platform/soc/soc:firmware/get_throttled';
  for (const content of ['80008\n', '0x80008\n', '00080008']) {
    const { read } = await openSmall(t, 'raspberry', { [path]: content });
    t.deepEqual(read(), decodeThrottled(0x80008), content);
  }
});
