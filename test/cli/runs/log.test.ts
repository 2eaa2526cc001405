import { appendFile, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { chooseRuns, findRuns } from '../../../cli/runs/found.ts';
import { holdRun, openRunLog, type RunEntry, readRunLog, registerOf } from '../../../cli/runs/index.ts';
import { boundOutput } from '../../../cli/runs/output-log.ts';
import { directoryFor } from '../support.ts';

type TakenUp = Extract<RunEntry, { kind: 'taken-up' }>;

const begun = (change: Partial<TakenUp> = {}): TakenUp => {
  return {
    ...{ kind: 'taken-up', run: 'mlp-1', term: 1, boards: ['board1', 'board2'], from: null, newest: null },
    typed: { model: 'mlp' },
    ...change,
  };
};
const noWarning = (problem: string): void => {
  throw new Error(problem);
};

test('a log gives the run, what was typed last, and the highest term', async (t) => {
  const directory = await directoryFor(t);
  const log = openRunLog(directory, begun(), noWarning);
  for (const term of [1, 4, 3]) log.write({ kind: 'term', term });
  openRunLog(directory, begun({ term: 5, typed: { steps: '20', augment: null } }), noWarning);
  const history = (await readRunLog(directory))!;
  t.like(history, { run: 'mlp-1', highestTerm: 5, ended: undefined, boards: ['board1', 'board2'] });
  t.deepEqual(
    [...history.typed],
    [
      ['model', 'mlp'],
      ['steps', '20'],
      ['augment', undefined],
    ],
  );
});

test('a run has ended until another process takes it up', async (t) => {
  const directory = await directoryFor(t);
  openRunLog(directory, begun(), noWarning).write({ kind: 'ended', how: 'interrupted', reason: 'Ctrl-C' });
  t.is((await readRunLog(directory))?.ended?.how, 'interrupted');
  openRunLog(directory, begun({ term: 2 }), noWarning);
  t.is((await readRunLog(directory))?.ended, undefined);
});

test('a line that a killed process has left half-written does not count, and the next one is whole', async (t) => {
  const directory = await directoryFor(t);
  openRunLog(directory, begun(), noWarning).write({ kind: 'term', term: 2 });
  await appendFile(join(directory, 'run.log'), '{"kind":"term","te');
  t.is((await readRunLog(directory))?.highestTerm, 2);
  openRunLog(directory, begun({ term: 3 }), noWarning);
  t.is((await readRunLog(directory))?.highestTerm, 3);
  t.is((await readFile(join(directory, 'run.log'), 'utf8')).split('\n').length, 4);
});

test('a long log is written anew as what it comes to', async (t) => {
  const directory = await directoryFor(t);
  const log = openRunLog(
    directory,
    begun({ from: 'checkpoints/a', typed: { model: 'mlp', augment: null } }),
    noWarning,
  );
  const sizes = [];
  for (let term = 2; term <= 1300; term += 1) {
    log.write({ kind: 'term', term });
    sizes.push((await stat(join(directory, 'run.log'))).size);
  }
  t.true(Math.max(...sizes) < 70_000);
  t.true((await stat(join(directory, 'run.log'))).size < 70_000);
  log.write({ kind: 'ended', how: 'interrupted', reason: 'Ctrl-C' });
  const history = (await readRunLog(directory))!;
  t.like(history, { run: 'mlp-1', highestTerm: 1300, boards: ['board1', 'board2'], from: 'checkpoints/a' });
  t.deepEqual([...history.typed.keys()], ['model', 'augment']);
  t.is(history.ended?.how, 'interrupted');
  t.deepEqual(await readdir(directory), ['run.log']);
});

test('a long log that is damaged is left as it is', async (t) => {
  const directory = await directoryFor(t);
  const text = `${'term 3\n'.repeat(20_000)}`;
  await writeFile(join(directory, 'run.log'), text);
  t.notThrows(() => openRunLog(directory, begun(), noWarning));
  t.true((await readFile(join(directory, 'run.log'), 'utf8')).startsWith(text));
});

test('what an unattended run says is bounded: its newest part, and the one before', async (t) => {
  const directory = await directoryFor(t);
  const path = join(directory, 'output.log');
  const output = await open(path, 'a');
  for (const part of ['one', 'two', 'three']) {
    await output.write(`${part}\n${'.'.repeat(1000)}\n`);
    await boundOutput(directory, 500);
    t.is(await readFile(path, 'utf8'), '');
    t.true((await readFile(`${path}.1`, 'utf8')).startsWith(part));
  }
  await output.write('four\n');
  await boundOutput(directory, 500);
  t.is(await readFile(path, 'utf8'), 'four\n');
  await output.close();
});

for (const [what, line] of Object.entries({
  'no JSON': 'term 3',
  'an unknown kind': '{"kind":"lost"}',
  'a term that is none': '{"kind":"term","term":"3"}',
  nothing: '',
})) {
  test(`a log whose line is ${what} is refused with the file and the line`, async (t) => {
    const directory = await directoryFor(t);
    openRunLog(directory, begun(), noWarning);
    await appendFile(join(directory, 'run.log'), `${line}\n`);
    const error = await t.throwsAsync(readRunLog(directory), { code: 'RUN_LOG_DAMAGED' });
    t.regex(error!.message, /run\.log' is damaged: line 2 is /);
  });
}

test('a run that a process holds cannot be taken by another, and is free when that one lets go', async (t) => {
  const directory = await directoryFor(t);
  const hold = await holdRun(directory);
  await t.throwsAsync(holdRun(directory), { code: 'RUN_AT_WORK' });
  await hold.release();
  await (await holdRun(directory)).release();
});

/** A fleet's register with runs in directories of these names. */
async function withRuns(t: Parameters<typeof directoryFor>[0], runs: Readonly<Record<string, readonly RunEntry[]>>) {
  const root = await directoryFor(t);
  const register = registerOf(root, 'shed');
  for (const [run, [first, ...rest]] of Object.entries(runs)) {
    await mkdir(join(root, run));
    await register.enter(run, join(root, run));
    const log = openRunLog(join(root, run), first!, noWarning);
    for (const entry of rest) log.write(entry);
  }
  return { root, register };
}

test('of the runs of a fleet those that were left go on, and those that have ended or are at work do not', async (t) => {
  const { root, register } = await withRuns(t, {
    left: [begun({ run: 'left', boards: ['board1'] })],
    ended: [begun({ run: 'ended', boards: ['board1'] }), { kind: 'ended', how: 'failed', reason: 'NaN' }],
    working: [begun({ run: 'working', boards: ['board2'] })],
  });
  const hold = await holdRun(join(root, 'working'));
  const found = await findRuns(register);
  await hold.release();
  t.deepEqual(
    found.map(({ run, state }) => [run, state]),
    [
      ['ended', 'ended'],
      ['left', 'left'],
      ['working', 'at-work'],
    ],
  );
  const { start, refused } = chooseRuns(found);
  t.deepEqual(
    start.map(({ run }) => run),
    ['left'],
  );
  t.is(refused.size, 0);
});

test('runs that want the same board are left alone, each with the name of the other', async (t) => {
  const { register } = await withRuns(t, {
    one: [begun({ run: 'one', boards: ['board1', 'board2'] })],
    two: [begun({ run: 'two', boards: ['board2'] })],
  });
  const { start, refused } = chooseRuns(await findRuns(register));
  t.deepEqual(start, []);
  t.regex(refused.get('one')!, /run two \('.*two'\) wants board2 too/);
  t.regex(refused.get('two')!, /run one \('.*one'\) wants board2 too/);
});

test('a run whose directory is gone, is of another run or has a damaged log is named and left alone', async (t) => {
  const { root, register } = await withRuns(t, {
    gone: [begun({ run: 'gone' })],
    other: [begun({ run: 'another' })],
    damaged: [begun({ run: 'damaged' })],
  });
  await rm(join(root, 'gone'), { recursive: true });
  await writeFile(join(root, 'damaged', 'run.log'), 'x\n');
  const { start, refused } = chooseRuns(await findRuns(register));
  t.deepEqual(start, []);
  t.regex(refused.get('gone')!, /is gone/);
  t.regex(refused.get('other')!, /holds run another by now/);
  t.regex(refused.get('damaged')!, /run\.log' is damaged: line 1/);
});
