import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createTelemetry, type Readings } from '../../../agent/telemetry/index.ts';
import { telemetryMessage } from '../../../agent/telemetry/publish.ts';
import { messageProblem } from '../../../broker/messages/tables.ts';
import { memoryLog } from '../../broker/helpers.ts';
import { boardNames, openBoard, smallBoard } from './boards.ts';

const GHz = 1e9;
const MHz = 1e6;
const KiB = 1024;
const noFlags = { underVoltage: false, frequencyCapped: false, throttled: false, softTemperatureLimit: false };

/** What each board says, five seconds after the telemetry was opened. */
const expected: Readonly<Record<string, Readings>> = {
  'pi-4': {
    cpuLoad: 0.75,
    cpusOnline: 4,
    memoryFreeBytes: 3_537_772 * KiB,
    frequencyHz: 1.5 * GHz,
    frequencyMaxHz: 1.5 * GHz,
    frequencyHardwareMaxHz: 1.5 * GHz,
    frequencies: [{ policy: 0, hz: 1.5 * GHz, maxHz: 1.5 * GHz, hardwareMaxHz: 1.5 * GHz }],
    temperatureC: 62.322,
    temperatureZone: 'cpu-thermal',
    throttled: true,
    throttle: {
      now: { ...noFlags, underVoltage: true, throttled: true },
      sinceBoot: { ...noFlags, underVoltage: true, throttled: true },
    },
  },
  'pi-5': {
    cpuLoad: 0.25,
    cpusOnline: 4,
    memoryFreeBytes: 3_500_000 * KiB,
    frequencyHz: 2.4 * GHz,
    frequencyMaxHz: 2.4 * GHz,
    frequencyHardwareMaxHz: 2.4 * GHz,
    frequencies: [{ policy: 0, hz: 2.4 * GHz, maxHz: 2.4 * GHz, hardwareMaxHz: 2.4 * GHz }],
    temperatureC: 52.1,
    temperatureZone: 'cpu-thermal',
    throttle: { now: { underVoltage: false } },
  },
  'jetson-nano': {
    cpuLoad: 0.5,
    cpusOnline: 4,
    memoryFreeBytes: 3_250_585 * KiB,
    frequencyHz: 1428 * MHz,
    frequencyMaxHz: 1428 * MHz,
    frequencyHardwareMaxHz: 1428 * MHz,
    frequencies: [{ policy: 0, hz: 1428 * MHz, maxHz: 1428 * MHz, hardwareMaxHz: 1428 * MHz }],
    temperatureC: 24.5,
    temperatureZone: 'CPU-therm',
    gpuTemperatureC: 26.5,
    gpuLoad: 0.15,
    gpuFrequencyHz: 384 * MHz,
    gpuFrequencyMaxHz: 921.6 * MHz,
  },
  'orin-nano': {
    cpuLoad: 0.5,
    cpusOnline: 6,
    memoryFreeBytes: 5_819_392 * KiB,
    frequencyHz: 1344 * MHz,
    frequencyMaxHz: 1344 * MHz,
    frequencyHardwareMaxHz: 1728 * MHz,
    frequencies: [
      { policy: 0, hz: 1344 * MHz, maxHz: 1344 * MHz, hardwareMaxHz: 1728 * MHz },
      { policy: 4, hz: 729.6 * MHz, maxHz: 1344 * MHz, hardwareMaxHz: 1728 * MHz },
    ],
    temperatureC: 48,
    temperatureZone: 'cpu-thermal',
    gpuTemperatureC: 48.125,
    gpuLoad: 0.04,
    gpuFrequencyHz: 306 * MHz,
    gpuFrequencyMaxHz: 918 * MHz,
  },
  'lab-cgroup1': { cpuLoad: 0.51, cpusOnline: 2, memoryFreeBytes: 22_220_712 * KiB, cpuQuota: 0.2 },
  'lab-cgroup2': { cpuLoad: 0.51, cpusOnline: 2, memoryFreeBytes: 22_220_712 * KiB, cpuQuota: 0.4 },
};

for (const name of boardNames) {
  test(`${name}: a sample holds what the board has, and nothing else`, async (t) => {
    const board = await openBoard(name);
    t.teardown(board.remove);
    const { events, log } = memoryLog();
    const telemetry = createTelemetry({ root: board.root, files: board.files, log, clock: () => 1_700_000_000_500 });
    await board.advance();
    const { at, ...readings } = telemetry.sample();
    t.is(at, 1_700_000_000.5);
    t.deepEqual(readings, expected[name]);
    t.deepEqual(telemetry.problems, {});
    t.deepEqual(events, []);
    t.is(messageProblem('deviceTelemetry', telemetryMessage('pi-1', { at, ...readings })), null);
  });
}

test('this machine gives a sample, too', (t) => {
  const { log, events } = memoryLog();
  const telemetry = createTelemetry({ log });
  const sample = telemetry.sample();
  t.true(sample.memoryFreeBytes! > 0);
  t.true(sample.cpusOnline! > 0);
  t.is(messageProblem('deviceTelemetry', telemetryMessage('pi-1', sample)), null);
  t.deepEqual(events, []);
});

test('a broken file takes its own reading away and no other', async (t) => {
  const board = await openBoard('orin-nano');
  t.teardown(board.remove);
  const { events, log } = memoryLog();
  const telemetry = createTelemetry({ root: board.root, files: board.files, log });
  await board.advance();
  await board.put('sys/devices/virtual/thermal/thermal_zone0/temp', '-256000\n');
  const { at: _, ...readings } = telemetry.sample();
  const { temperatureC: _celsius, temperatureZone: _zone, ...others } = expected['orin-nano']!;
  t.deepEqual(readings, others);
  telemetry.sample();
  t.deepEqual(telemetry.problems, { thermal: 2 });
  t.deepEqual(events, [
    {
      level: 'warn',
      event: 'telemetry-unreadable',
      detail: {
        source: 'thermal',
        path: 'sys/class/thermal/thermal_zone0/temp',
        problem: 'is not a whole number from 1 to 150000: "-256000"',
      },
    },
  ]);
});

test('what comes back after it was gone is read again', async (t) => {
  const board = await openBoard('pi-4');
  t.teardown(board.remove);
  const telemetry = createTelemetry({ root: board.root });
  const temp = 'sys/devices/virtual/thermal/thermal_zone0/temp';
  t.is(telemetry.sample().temperatureC, 62.322);
  await board.put(temp, undefined);
  t.is(telemetry.sample().temperatureC, undefined);
  await board.put(temp, '70000\n');
  t.is(telemetry.sample().temperatureC, 70);
});

test('a device that appears late after boot is found', async (t) => {
  const board = await smallBoard({ 'proc/stat': 'cpu 1 2 3 4\n' });
  t.teardown(board.remove);
  const telemetry = createTelemetry({ root: board.root });
  t.is(telemetry.sample().gpuFrequencyHz, undefined);
  await board.put('sys/class/devfreq/17000000.gpu/cur_freq', '306000000\n');
  t.is(telemetry.sample().gpuFrequencyHz, 306 * MHz);
});

test('pipes, directories, loops and a real input error neither block nor throw', async (t) => {
  const board = await openBoard('pi-4');
  t.teardown(board.remove);
  const { events, log } = memoryLog();
  const replace = (path: string): string => {
    rmSync(join(board.root, path), { recursive: true });
    return join(board.root, path);
  };
  execFileSync('mkfifo', [replace('proc/meminfo')]);
  mkdirSync(replace('sys/devices/platform/soc/soc:firmware/get_throttled'));
  symlinkSync('/proc/self/mem', replace('sys/devices/virtual/thermal/thermal_zone0/temp'));
  symlinkSync('scaling_cur_freq', replace('sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq'));
  const telemetry = createTelemetry({ root: board.root, log });
  const { at: _, ...readings } = telemetry.sample();
  t.deepEqual(readings, {
    cpusOnline: 4,
    frequencyMaxHz: 1.5 * GHz,
    frequencyHardwareMaxHz: 1.5 * GHz,
    frequencies: [{ policy: 0, maxHz: 1.5 * GHz, hardwareMaxHz: 1.5 * GHz }],
    // The firmware's word is lost; the voltage monitor still tells.
    throttle: { now: { underVoltage: true } },
  });
  const problems = events.map(({ detail }) => detail.problem);
  t.deepEqual(problems.sort(), [
    'cannot be read (EIO)',
    'cannot be read (EISDIR)',
    'cannot be read (ELOOP)',
    'is empty',
  ]);
});

test('a board that invents new problems for ever fills neither the log nor the memory', async (t) => {
  const { events, log } = memoryLog();
  let round = 0;
  const telemetry = createTelemetry({
    log,
    files: {
      read: () => 'garbage',
      list: (path) =>
        path.endsWith('hwmon') ? [] : Array.from({ length: 50 }, (_, at) => `policy${100 * round + at}`),
    },
  });
  for (round = 0; round < 20; round++) telemetry.sample();
  t.true(events.length <= 256, `${events.length} lines`);
  t.true(telemetry.problems.cpufreq! > 2_000);
});
