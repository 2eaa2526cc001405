import type { TestFn } from 'ava';
import type { Files } from '../../../agent/telemetry/files.ts';
import { type SourceName, sources } from '../../../agent/telemetry/sources/index.ts';
import { createProblems, createTree } from '../../../agent/telemetry/tree.ts';
import type { Readings } from '../../../agent/telemetry/types.ts';
import { messageProblem } from '../../../broker/messages/tables.ts';
import { memoryLog } from '../../broker/helpers.ts';
import { type BoardTree, type Fault, openBoard } from './boards.ts';

/** Which readings a source may give. */
const readingsOf: Readonly<Record<SourceName, readonly (keyof Readings)[]>> = {
  processor: ['cpuLoad', 'cpusOnline'],
  memory: ['memoryFreeBytes'],
  cgroup: ['cpuQuota'],
  cpufreq: ['frequencyHz', 'frequencyMaxHz', 'frequencyHardwareMaxHz', 'frequencies'],
  thermal: ['temperatureC', 'temperatureZone', 'gpuTemperatureC'],
  devfreq: ['gpuLoad', 'gpuFrequencyHz', 'gpuFrequencyMaxHz'],
  jetson: ['gpuLoad'],
  raspberry: ['throttled', 'throttle'],
};

/** Everything that a file may hold instead of what it should, and every way in which reading it may fail. */
const faults: readonly Fault[] = [
  { content: '' },
  { content: '\n' },
  { content: 'garbage\n' },
  { content: '-5\n' },
  { content: '1.5e3\n' },
  { content: `${'9'.repeat(40)}\n` },
  { content: '0x\0\xff\n' },
  { content: 'x'.repeat(70_000) },
  ...['EIO', 'EACCES', 'EAGAIN', 'ENODEV', 'EBUSY', 'EINVAL', 'EISDIR', 'EMFILE'].map((code) => ({ code })),
];

/** Files of words: another word in them is only another name. */
const holdsWords = /\/(type|name|cgroup|mountinfo)$/;

/** Runs on one board's tree the contract that every telemetry source keeps. */
export function sourceContract(test: TestFn, name: SourceName, board: string): void {
  test(`${name} on ${board}: gives only its own readings, and they make sense`, async (t) => {
    const tree = await openBoard(board);
    t.teardown(tree.remove);
    const { read, problems, events } = openSource(name, tree.root, tree.files);
    await tree.advance();
    const readings = read();
    for (const [key, value] of Object.entries(readings)) {
      t.true((readingsOf[name] as readonly string[]).includes(key), key);
      t.not(value, undefined);
    }
    t.is(problemOf(readings), null);
    t.deepEqual(problems.counts, {});
    t.deepEqual(events, []);
  });

  test(`${name} on ${board}: what cannot be believed is absent, counted, and said once`, async (t) => {
    const tree = await openBoard(board);
    t.teardown(tree.remove);
    const { whole, touched } = await readWhole(name, tree);
    t.is(touched.size > 0, whole.size > 0);
    for (const path of touched) {
      for (const fault of faults) {
        const what = `${path}: ${JSON.stringify(fault).slice(0, 60)}`;
        const files: Files = { ...tree.files, read: (file) => (file === path ? give(fault) : tree.files.read(file)) };
        const { read, problems, events } = openSource(name, tree.root, files);
        read();
        read();
        const readings = read();
        t.is(problemOf(readings), null, what);
        if (!holdsWords.test(path)) {
          for (const value of valuesIn(readings)) t.true(whole.has(value), `${what}: ${value} is made up`);
        } else if ('content' in fault) continue;
        t.true((problems.counts[name] ?? 0) >= 3, what);
        t.is(events.length, 1, what);
        t.is(events[0]!.detail.source, name);
      }
    }
  });

  test(`${name} on ${board}: what disappears is absent, and that is said once`, async (t) => {
    const tree = await openBoard(board);
    const { read, events } = openSource(name, tree.root, tree.files);
    const had = Object.keys(read()).length > 0;
    await tree.remove();
    t.deepEqual(read(), {});
    t.is(events.length > 0, had);
    t.true(events.every(({ detail }) => detail.problem === 'has disappeared'));
    const said = events.length;
    t.deepEqual(read(), {});
    t.is(events.length, said);
  });
}

/** The contract of a source on a board that has nothing of it. */
export function absenceContract(test: TestFn, name: SourceName): void {
  test(`${name}: a board without it has no reading, and nothing is said`, (t) => {
    const absent = (path: string): never => {
      throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    };
    const { read, problems, events } = openSource(name, '/', { read: absent, list: absent });
    t.deepEqual(read(), {});
    t.deepEqual(read(), {});
    t.deepEqual(problems.counts, {});
    t.deepEqual(events, []);
  });
}

function openSource(name: SourceName, root: string, files: Files) {
  const { events, log } = memoryLog();
  const problems = createProblems(log);
  return { read: sources[name](createTree(root, name, files, problems)), problems, events };
}

/** All values that a board gives after five seconds, and the files that were read for them. */
async function readWhole(name: SourceName, tree: BoardTree) {
  const touched = new Set<string>();
  const read = (path: string): string | undefined => {
    const content = tree.files.read(path);
    if (content !== undefined) touched.add(path);
    return content;
  };
  const source = openSource(name, tree.root, { ...tree.files, read });
  await tree.advance();
  return { whole: valuesIn(source.read()), touched };
}

function give(fault: Fault): string {
  if ('content' in fault) return fault.content;
  throw Object.assign(new Error(fault.code), { code: fault.code });
}

const problemOf = (readings: Readings): string | null =>
  messageProblem('deviceTelemetry', { kind: 'telemetry', board: 'pi-1', residentBytes: 1, cpuSeconds: 1, ...readings });

/** Every number, flag and name in it, however deep. */
function valuesIn(value: unknown): ReadonlySet<unknown> {
  if (typeof value !== 'object' || value === null) return new Set([value]);
  return new Set(Object.values(value).flatMap((member) => [...valuesIn(member)]));
}
