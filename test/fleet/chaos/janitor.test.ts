import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { namespacePath } from '../../../cli/lab/network/index.ts';
import { identityOf } from '../../../cli/lab/processes.ts';
import { removeDeadScenes } from './remains.ts';

interface Scene {
  readonly player: ChildProcess;
  readonly directory: string;
  readonly sleeper: number;
  /** Of namespaces and control groups. */
  readonly paths: readonly string[];
}

async function play(t: ExecutionContext): Promise<Scene> {
  const program = join(import.meta.dirname, 'scene-probe.ts');
  const player = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => player.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: player.stdout! }), 'line');
  const { directory, sleeper, namespaces, directories } = JSON.parse(line as string);
  return { player, directory, sleeper, paths: [...directories, ...namespaces.map(namespacePath)] };
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** What there is of it. */
async function remains({ directory, sleeper, paths }: Scene): Promise<readonly string[]> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  const found = await Promise.all([directory, ...paths].map(async (path) => ((await isThere(path)) ? [path] : [])));
  return [
    ...found.flat(),
    ...(mounts.includes(directory) ? [`a mount in ${directory}`] : []),
    ...((await identityOf(sleeper)) === undefined ? [] : [`process ${sleeper}`]),
  ];
}

const PATIENCE_MILLISECONDS = 60_000;

async function assertGone(t: ExecutionContext, scene: Scene): Promise<void> {
  const until = performance.now() + PATIENCE_MILLISECONDS;
  // The directory goes last.
  while ((await isThere(scene.directory)) && performance.now() < until) await wait(50);
  t.deepEqual(await remains(scene), []);
}

async function janitorOf({ directory }: Scene): Promise<number> {
  for (const name of await readdir('/proc')) {
    const command = await readFile(join('/proc', name, 'cmdline'), 'utf8').catch(() => '');
    const [, program, argument] = command.split('\0');
    if (program?.endsWith('janitor-process.ts') && argument === directory) return Number(name);
  }
  throw new Error(`'${directory}' has no janitor`);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`nothing is left of a scene whose test ends by ${signal}`, async (t) => {
    const scene = await play(t);
    t.true((await remains(scene)).length >= 2);
    scene.player.kill(signal);
    await assertGone(t, scene);
  });
}

test('what is left of a scene whose janitor was killed as well is removed by the next, and a living scene is not', async (t) => {
  const [dead, living] = [await play(t), await play(t)];
  process.kill(await janitorOf(dead), 'SIGKILL');
  dead.player.kill('SIGKILL');
  await once(dead.player, 'close');
  const before = await remains(living);
  await removeDeadScenes();
  await assertGone(t, dead);
  t.deepEqual(await remains(living), before);
  living.player.kill('SIGUSR2');
  await assertGone(t, living);
});
