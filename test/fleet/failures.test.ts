import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { listCheckpoints, readCheckpoint } from '../../agent/index.ts';
import {
  type AgentProcess,
  boardsOf,
  type Ended,
  freePort,
  inTemporaryDirectory,
  patienceMilliseconds,
  type Running,
  startFlotilla,
} from './helpers.ts';

/** A run whose board has died ends within this time, in milliseconds. */
const mostMilliseconds = 5_000;
const endless = [
  'train',
  '--on-loss',
  'stop',
  '--model',
  'mlp',
  '--batch',
  '16',
  '--micro-batches',
  '2',
  '--steps',
  '1000000',
  '--json',
];

/** A run of two boards that has begun to train; whatever is left of it is killed. */
async function withRun(
  words: readonly string[],
  options: Parameters<typeof startFlotilla>[1],
  use: (run: Running, boards: readonly AgentProcess[]) => Promise<void>,
): Promise<void> {
  await inTemporaryDirectory(async (root) => {
    const run = startFlotilla([...endless, '--boards', '2', '--out', join(root, 'out'), ...words], options);
    try {
      await run.said(/samples\/s/);
      await use(run, await boardsOf(run.pid));
    } finally {
      run.kill('SIGKILL');
      await run.ended;
    }
  });
}

/** Sends a signal to board2 and waits for the end of the run. */
async function endedBy(
  signal: NodeJS.Signals,
  run: Running,
  boards: readonly AgentProcess[],
): Promise<Ended & { readonly milliseconds: number }> {
  const victim = boards.find(({ board }) => board === 'board2')!;
  const start = performance.now();
  process.kill(victim.pid, signal);
  const ended = await run.ended;
  return { ...ended, milliseconds: performance.now() - start };
}

function assertGone(t: ExecutionContext, boards: readonly AgentProcess[]): void {
  t.is(boards.length, 2);
  for (const { pid } of boards) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
}

test.serial(
  'a board whose process is killed ends the run within 5 s with its name, and no process stays',
  async (t) => {
    t.timeout(patienceMilliseconds);
    await withRun([], {}, async (run, boards) => {
      const { code, stderr, milliseconds } = await endedBy('SIGKILL', run, boards);
      t.log(`${milliseconds.toFixed(0)} ms from the kill to the end`);
      t.is(code, 1, stderr);
      t.regex(stderr, /error: .*board board2 \(stage 1\) was lost.* at step \d+; it said nothing.*\[BOARD_LOST\]/s);
      t.true(milliseconds <= mostMilliseconds, `${milliseconds} ms`);
      assertGone(t, boards);
    });
  },
);

test.serial('a board that dies of an error ends the run within 5 s with its name and its last words', async (t) => {
  t.timeout(patienceMilliseconds);
  const probe = new URL('./last-words-probe.ts', import.meta.url).href;
  await withRun([], { env: { NODE_OPTIONS: `--import=${probe}` } }, async (run, boards) => {
    const { code, stderr, milliseconds } = await endedBy('SIGUSR2', run, boards);
    t.log(`${milliseconds.toFixed(0)} ms from the error to the end`);
    t.is(code, 1, stderr);
    t.regex(stderr, /board board2 .*its last words: .*the memory card was pulled out.*\[BOARD_LOST\]/s);
    t.true(milliseconds <= mostMilliseconds, `${milliseconds} ms`);
    assertGone(t, boards);
  });
});

test.serial('a board that stands still is missed after 4 s, and named', async (t) => {
  t.timeout(patienceMilliseconds);
  await withRun([], {}, async (run, boards) => {
    const { code, stderr, milliseconds } = await endedBy('SIGSTOP', run, boards);
    t.log(`${milliseconds.toFixed(0)} ms from the stop to the end`);
    t.is(code, 1, stderr);
    t.regex(stderr, /board board2 \(stage 1\) gave no sign of life for 4 s at step \d+.*\[BOARD_LOST\]/s);
    // Then the other board is told to stop, and the one that does not listen is ended: at most 2 + 5 + 2 s.
    t.true(milliseconds <= 20_000, `${milliseconds} ms`);
    assertGone(t, boards);
  });
});

test.serial('a board of a fleet that dies ends the run within 5 s with its name; the others stay online', async (t) => {
  t.timeout(patienceMilliseconds);
  await inTemporaryDirectory(async (cwd) => {
    const started: Running[] = [];
    const start = (...words: string[]) => {
      const running = startFlotilla(words, { cwd });
      started.push(running);
      return running;
    };
    try {
      const hub = `127.0.0.1:${await freePort()}`;
      await start('fleet', 'init', 'shed', '--hub', hub).ended;
      await start('hub', '--fleet', 'shed').said(/listens at/);
      const agents = ['2', '3'].map((n) =>
        start('agent', '--fleet', 'shed', '--id', `board${Number(n) - 1}`, '--host', `127.0.0.${n}`),
      );
      for (const agent of agents) await agent.said(/is online/);
      const run = start(...endless, '--fleet', 'shed', '--boards', 'board1,board2', '--survey', '0', '--out', 'out');
      await run.said(/samples\/s/);
      const begin = performance.now();
      agents[1]!.kill('SIGKILL');
      const { code, stderr } = await run.ended;
      const milliseconds = performance.now() - begin;
      t.log(`${milliseconds.toFixed(0)} ms from the kill to the end`);
      t.is(code, 1, stderr);
      t.regex(stderr, /board board2 \(stage 1\) was lost.*\[BOARD_LOST\]/s);
      t.true(milliseconds <= mostMilliseconds, `${milliseconds} ms`);
      t.true(await isAlive(agents[0]!.pid));
    } finally {
      for (const running of started) running.kill('SIGKILL');
      await Promise.all(started.map(({ ended }) => ended));
    }
  });
});

async function isAlive(pid: number): Promise<boolean> {
  await wait(200);
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test.serial(
  'a loss that becomes NaN stops the run at its step and stage and keeps the last good checkpoint to go on from',
  async (t) => {
    t.timeout(patienceMilliseconds);
    await inTemporaryDirectory(async (root) => {
      // The rate grows by 1 a step: some good steps first, then it diverges.
      const rate = ['--lr', 'cosine:1e6,warmup=1000000', '--checkpoint-every', '1'];
      const { code, stderr } = await startFlotilla([...endless, ...rate, '--boards', '2', '--out', join(root, 'out')])
        .ended;
      t.is(code, 2, stderr);
      const [, step, checkpoint] =
        /the loss is not a finite number at step (\d+), stage 1 \(board board2\); the last good checkpoint is (\S+)\. .*than 1000000.*\[LOSS_NOT_FINITE\]/.exec(
          stderr,
        ) ?? [];
      t.truthy(checkpoint, stderr);
      const { state, tensors } = await readCheckpoint(checkpoint!);
      t.true(state.step > 0 && state.step < Number(step), `step ${state.step} of ${step}`);
      t.true([...tensors.values()].every(({ data }) => data.every(Number.isFinite)));
      t.true(state.losses.every(Number.isFinite));
      t.is(state.losses.length, state.step);
      t.deepEqual(
        (await readdir(join(root, 'out'))).sort(),
        ['checkpoints', 'run.log'],
        'no model of a run that has diverged',
      );

      // The values of the newest are close to overflowing already: an earlier one is sure to lead somewhere.
      const [earliest] = await listCheckpoints(join(root, 'out', 'checkpoints'));
      const steps = String((await readCheckpoint(earliest!)).state.step + 2);
      const again = ['train', '--resume', earliest!, '--lr', '0.001', '--steps', steps, '--boards', '2'];
      const resumed = await startFlotilla(again).ended;
      t.is(resumed.code, 0, resumed.stderr);
    });
  },
);
