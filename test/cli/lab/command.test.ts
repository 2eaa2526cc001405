import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { labsRoot } from '../../../cli/lab/directory.ts';
import { directoryFor, flotilla, type Running, reportOf, start } from '../support.ts';
import { whyNoNetwork, whyNoQuota } from './support.ts';

const QUOTAS = 'boards:\n  - { name: a, quota: 0.9, memory: 900 MB }\n  - { name: b, quota: 0.6 }\n';
const NETWORK = `link: { rate: 200 Mbit/s, delay: 1 ms }\n${QUOTAS}`;
const small = ['--model', 'mlp', '--data', 'shapes', '--batch', '16', '--micro-batches', '2', '--steps', '4'];

async function scenarioFile(directory: string, text: string): Promise<string> {
  await writeFile(join(directory, 'lab.yaml'), text);
  return 'lab.yaml';
}

async function untilSaid(running: Running, what: RegExp, seconds = 120): Promise<void> {
  for (let attempt = 0; attempt < 20 * seconds && !what.test(running.said()); attempt++) await wait(50);
  if (!what.test(running.said())) throw new Error(`not said in ${seconds} s: ${what}\n${running.said()}`);
}

/** The lab that the running command keeps, and every process of it beside the keeper. */
async function labOf({ child }: Running) {
  const id = (await readdir(labsRoot())).find((name) => name.startsWith(`${child.pid}-`))!;
  const names = await readdir(join(labsRoot(), id, 'processes'));
  return { id, path: join(labsRoot(), id), pids: names.map((name) => Number(name.split('-')[0])) };
}

/** Nothing that bears the lab's name is left on the machine, and none of its processes. */
async function assertGone(t: ExecutionContext, { id, pids }: Awaited<ReturnType<typeof labOf>>): Promise<void> {
  const labs = await readdir(labsRoot()).catch((): string[] => []);
  t.false(labs.includes(id), 'its directory');
  const namespaces = await readdir('/run/netns').catch(() => []);
  t.deepEqual(
    namespaces.filter((name) => name.includes(id)),
    [],
  );
  for (const controller of ['cpu', 'cpuacct', 'memory']) {
    const groups = await readdir(`/sys/fs/cgroup/${controller}`, { recursive: true }).catch(() => []);
    t.false(
      groups.some((name) => name.includes(id)),
      controller,
    );
  }
  for (const pid of pids) t.false(await isRunning(pid), `process ${pid}`);
}

async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}

test.serial('train --scenario trains on boards of unequal quota and says what each had', async (t) => {
  const why = await whyNoQuota();
  if (why !== undefined) return t.pass(why);
  const directory = await directoryFor(t);
  const file = await scenarioFile(directory, QUOTAS);
  const running = start(t, directory, ['train', ...small, '--scenario', file, '--out', 'out', '--json'], 170);
  const ended = await running.ended;
  t.is(ended.exitCode, 0, ended.stderr);
  const report = reportOf(ended) as { readonly boards: object; readonly lab: readonly { readonly quota: number }[] };
  // So small a model is as fast on one board alone, and which one looks faster depends on what else the machine does.
  t.true(Object.keys(report.boards).length > 0);
  t.regex(ended.stdout + ended.stderr, /a, b measure what they are fast at/);
  t.deepEqual(
    report.lab.map(({ quota }) => quota),
    [0.9, 0.6],
  );
  t.regex(ended.stderr, /Quotas: by control groups/);
});

test.serial('in a network of its own a lab trains, gives the same losses, and leaves nothing', async (t) => {
  const why = await whyNoNetwork();
  if (why !== undefined) return t.pass(why);
  const directory = await directoryFor(t);
  const file = await scenarioFile(directory, NETWORK);
  const running = start(t, directory, ['train', ...small, '--scenario', file, '--out', 'there', '--json'], 170);
  await untilSaid(running, /Network: a namespace a board/);
  const lab = await labOf(running);
  const ended = await running.ended;
  t.is(ended.exitCode, 0, ended.stderr);
  await assertGone(t, lab);
  const plain = await flotilla(t, directory, 'train', ...small, '--boards', '2', '--out', 'here', '--json');
  t.is(plain.exitCode, 0, plain.stderr);
  const losses = async (name: string) =>
    (JSON.parse(await readFile(join(directory, name, 'run.json'), 'utf8')) as { losses: number[] }).losses;
  t.deepEqual(await losses('there'), await losses('here'));
});

test.serial('Ctrl-C ends a lab and everything of it', async (t) => {
  const why = await whyNoNetwork();
  if (why !== undefined) return t.pass(why);
  const directory = await directoryFor(t);
  const running = start(t, directory, ['lab', '--scenario', await scenarioFile(directory, NETWORK)], 170);
  await untilSaid(running, /a is online.*b is online|b is online.*a is online/s);
  const lab = await labOf(running);
  t.true(lab.pids.length >= 3, 'the command inside and two boards');
  running.child.kill('SIGINT');
  const ended = await running.ended;
  t.is(ended.exitCode, 0, ended.stderr);
  t.regex(ended.stdout, /quota of a core/);
  await assertGone(t, lab);
});

test.serial('the lab is removed, too, when the command inside it is killed', async (t) => {
  const why = await whyNoNetwork();
  if (why !== undefined) return t.pass(why);
  const directory = await directoryFor(t);
  const running = start(t, directory, ['lab', '--scenario', await scenarioFile(directory, NETWORK)], 170);
  await untilSaid(running, /2 boards\. Ctrl-C ends them/);
  const lab = await labOf(running);
  const inside = await childOf(running.child.pid!, lab.pids);
  process.kill(inside, 'SIGKILL');
  const ended = await running.ended;
  t.is(ended.exitCode, 128 + 9);
  await assertGone(t, lab);
});

test.serial('what a killed lab leaves is removed by lab clean', async (t) => {
  const why = await whyNoNetwork();
  if (why !== undefined) return t.pass(why);
  const directory = await directoryFor(t);
  const running = start(t, directory, ['lab', '--scenario', await scenarioFile(directory, NETWORK)], 170);
  await untilSaid(running, /a is online.*b is online|b is online.*a is online/s);
  const lab = await labOf(running);
  const inside = await childOf(running.child.pid!, lab.pids);
  running.child.kill('SIGKILL');
  process.kill(inside, 'SIGKILL');
  await running.ended;
  t.true(
    (await readdir('/run/netns')).some((name) => name.includes(lab.id)),
    'something is left',
  );
  const cleaned = await flotilla(t, directory, 'lab', 'clean', '--json');
  t.is(cleaned.exitCode, 0, cleaned.stderr);
  const { removed } = reportOf(cleaned) as {
    removed: readonly { readonly lab: string; readonly namespaces: number }[];
  };
  t.is(removed.find((each) => each.lab === lab.id)?.namespaces, 3);
  await assertGone(t, lab);
});

async function childOf(parent: number, pids: readonly number[]): Promise<number> {
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const isNode = /\((node|MainThread|nsenter)\)/.test(stat);
    if (isNode && stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(parent)) return pid;
  }
  throw new Error(`process ${parent} has no child among ${pids.join(', ')}`);
}

const bad: readonly (readonly [title: string, args: readonly string[], code: string, says: RegExp])[] = [
  ['a scenario that is not there', ['--scenario', 'none.yaml'], 'SCENARIO', /none\.yaml: there is no such file/],
  ['a scenario with an unknown key', ['--scenario', 'lab.yaml'], 'SCENARIO', /lab\.yaml, line 2: unknown key "speed"/],
  ['a scenario and a number of boards', ['--scenario', 'lab.yaml', '--boards', '2'], 'OPTION_VALUE', /with --boards/],
];

for (const [title, args, code, says] of bad) {
  for (const command of ['lab', 'train']) {
    test.serial(`${command}: ${title} ends with exit code 2 and nothing made`, async (t) => {
      const directory = await directoryFor(t);
      await scenarioFile(directory, 'boards:\n  - { name: a, speed: 3 }\n');
      const ended = await flotilla(t, directory, command, ...args, '--json');
      t.is(ended.exitCode, 2, ended.stderr);
      const { error } = reportOf(ended) as { error: { code: string; message: string } };
      t.is(error.code, code);
      t.regex(error.message, says);
    });
  }
}
