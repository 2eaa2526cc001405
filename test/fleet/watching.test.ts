import { spawn, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { passingLabs } from '../../cli/processes/lab.ts';
import { type RealFleet, startFleet } from './fleet.ts';
import { inTemporaryDirectory, patienceMilliseconds, type Running, startFlotilla } from './helpers.ts';

const small = ['--model', 'mlp', '--batch', '16', '--micro-batches', '2', '--train-limit', '400', '--test-limit', '20'];

/** More steps than are done while somebody looks at them, on the fastest machine. */
const endless = '1000000';

const lastLine = ({ stdout }: { readonly stdout: string }) => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');

interface Board {
  readonly board: string;
  readonly state: string;
  readonly drained: string | null;
  readonly profile: { readonly models: readonly string[] } | null;
  readonly stage: { readonly state: string; readonly run: string } | null;
}

async function devices(t: ExecutionContext, fleet: RealFleet): Promise<readonly Board[]> {
  const ended = await fleet.start('devices', '--fleet', 'shed', '--json').ended;
  t.is(ended.code, 0, ended.stderr);
  return lastLine(ended).boards as readonly Board[];
}

/**
 * The topics of what the hub has retained, as mosquitto_sub prints it to somebody without a key: it is ended as soon as
 * all that are wanted are among them, else it ends by itself.
 */
async function retainedTopics(port: string, wanted: readonly string[]): Promise<readonly string[]> {
  const words = ['-h', '127.0.0.1', '-p', port, '-t', 'flotilla/#', '-F', '%r %t %p', '-W', '30'];
  // It says `Timed out` on standard error when it ends by itself.
  const child = spawn('mosquitto_sub', words, { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
    const topics = topicsIn(said);
    if (wanted.every((topic) => topics.includes(topic))) child.kill();
  });
  await new Promise((resolve) => child.once('close', resolve));
  return topicsIn(said);
}

function topicsIn(said: string): readonly string[] {
  // The last line may not be whole yet.
  const retained = said.split('\n').slice(0, -1);
  return retained.flatMap((line) => {
    if (!line.startsWith('1 ')) return [];
    const [, topic, payload] = /^1 flotilla\/shed\/(\S+) (.*)$/.exec(line)!;
    JSON.parse(payload!);
    return [topic!];
  });
}

const hubPort = async (cwd: string): Promise<string> =>
  /port: (\d+)/.exec(await readFile(join(cwd, 'fleets', 'shed.yaml'), 'utf8'))![1]!;

const mosquitto = spawnSync('mosquitto_sub', ['--help']).error === undefined;

test.serial('a run of two boards is watched: devices, watch, and mosquitto_sub', async (t) => {
  t.timeout(patienceMilliseconds);
  await inTemporaryDirectory(async (cwd) => {
    const fleet = await startFleet(cwd, 2);
    try {
      await fleet.startHub();
      await Promise.all(fleet.boards.map(fleet.startBoard));
      t.deepEqual(
        (await devices(t, fleet)).map(({ state, profile, stage }) => [state, profile, stage]),
        [
          ['online', null, null],
          ['online', null, null],
        ],
      );
      const watching = fleet.start('watch', '--fleet', 'shed');
      await watching.said(/board2 is online/);
      // With a split that is given, the plan stays as it is.
      const split = ['--boards', 'board1,board2', '--split', '0-1,2-3', '--survey', '20'];
      const words = [...split, '--steps', endless, '--out', 'out'];
      const run = fleet.start('train', '--fleet', 'shed', ...small, ...words);
      await watching.said(/board1: stage 0, blocks? .*: training/);
      await watching.said(/step \d+ of 1000000, loss/);

      const busy = await devices(t, fleet);
      t.deepEqual(
        busy.map(({ stage }) => stage?.state),
        ['training', 'training'],
      );
      t.true(busy.every(({ profile }) => profile?.models.includes('mlp')));
      const picture = await fleet.start('watch', '--fleet', 'shed', '--once').ended;
      t.is(picture.code, 0, picture.stderr);
      t.regex(picture.stdout, /2 of 2 boards online/);
      t.regex(picture.stdout, /run mlp-\w+ · mlp · plan 1 · training\nstep \d+ of 1000000/);
      t.regex(picture.stdout, /loss \d\.\d{4}/);
      t.regex(picture.stdout, /board2 +online.* 1, block.*training.*busy \d+ %/);
      t.regex(picture.stdout, /board1 → board2/);
      if (mosquitto) await assertRetained(t, cwd, busy[0]!.stage!.run);
      else t.log('mosquitto_sub is not installed: what it would print is not looked at');

      run.kill('SIGINT');
      await run.ended;
      await watching.said(/board1 holds no stage any more/);
      await endWatching(t, watching);
    } finally {
      await fleet.close();
    }
  });
});

async function assertRetained(t: ExecutionContext, cwd: string, run: string): Promise<void> {
  const boards = ['board1', 'board2'].flatMap((id) =>
    ['state', 'profile', 'stage'].map((topic) => `devices/${id}/${topic}`),
  );
  const wanted = [...boards, ...['plan', 'state', 'metrics'].map((topic) => `runs/${run}/${topic}`)];
  const topics = await retainedTopics(await hubPort(cwd), wanted);
  const missing = wanted.filter((topic) => !topics.includes(topic));
  t.deepEqual(missing, [], topics.join('\n'));
}

async function endWatching(t: ExecutionContext, watching: Running): Promise<void> {
  watching.kill('SIGINT');
  const { code, stderr } = await watching.ended;
  t.is(code, 0, stderr);
}

test.serial('a board that was drained is drained still when the hub was killed and is started again', async (t) => {
  await inTemporaryDirectory(async (cwd) => {
    const fleet = await startFleet(cwd, 2);
    try {
      const hub = await fleet.startHub();
      t.is((await fleet.start('drain', 'board2', '--fleet', 'shed', '--reason', 'a new fan').ended).code, 0);
      hub.kill('SIGKILL');
      await hub.ended;
      await fleet.startHub();
      const drained = async () => (await devices(t, fleet)).map((board) => board.drained);
      t.deepEqual(await drained(), [null, 'a new fan']);
      t.is((await fleet.start('undrain', 'board2', '--fleet', 'shed').ended).code, 0);
      t.deepEqual(await drained(), [null, null]);
    } finally {
      await fleet.close();
    }
  });
});

test.serial('a run in a lab of its own can be watched, as long as it goes on', async (t) => {
  await inTemporaryDirectory(async (cwd) => {
    // A directory for labs that holds no others.
    const env = { TMPDIR: cwd };
    const run = startFlotilla(['train', '--boards', '2', ...small, '--steps', endless, '--out', 'out'], { cwd, env });
    try {
      await run.said(/samples\/s/);
      const [place, ...others] = await passingLabs(cwd);
      t.deepEqual(others, []);
      const words = ['watch', '--once', '--fleet', place!.name, '--fleets', place!.fleets];
      const { code, stdout, stderr } = await startFlotilla(words, { cwd }).ended;
      t.is(code, 0, stderr);
      t.regex(stdout, /fleet lab · mqtt:\/\/127\.0\.0\.1:\d+ .* 2 of 2 boards online/);
      t.regex(stdout, /board2 +online.*busy \d+ %/);
    } finally {
      run.kill('SIGINT');
      await run.ended;
    }
    t.deepEqual(await passingLabs(cwd), []);
  });
});
