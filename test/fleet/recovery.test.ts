import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  type AgentProcess,
  boardsOf,
  inTemporaryDirectory,
  lossesOf,
  patienceMilliseconds,
  type Running,
  startFlotilla,
} from './helpers.ts';
import { labIn, untilStep } from './steps.ts';
import { assertSameTrace } from './undisturbed.ts';

const steps = 300;
const words = ['train', '--model', 'mlp', '--batch', '16', '--micro-batches', '2', '--train-limit', '400'];
const settings = [...words, '--test-limit', '20', '--lr', '0.01', '--checkpoint-every', '0', '--steps', `${steps}`];

/** The losses of a run on one board that nobody disturbs. */
let undisturbed: readonly number[] = [];

test.before(async (t) => {
  t.timeout(patienceMilliseconds);
  await inTemporaryDirectory(async (root) => {
    const { code, stderr } = await startFlotilla([...settings, '--boards', '1', '--out', join(root, 'out')]).ended;
    t.is(code, 0, stderr);
    undisturbed = await lossesOf(join(root, 'out'));
  });
});

/** Steps after which copies of the boards' states are with others for the second time. */
const replicatedSteps = 45;

/** Trains on three boards, disturbs it once it has made something to lose, and holds its losses against the undisturbed ones. */
async function disturbed(
  t: ExecutionContext,
  disturb: (run: Running, boards: readonly AgentProcess[]) => Promise<void>,
): Promise<string> {
  return inTemporaryDirectory(async (root) => {
    const out = join(root, 'out');
    const words = [...settings, '--boards', '3', '--replicate-every', '20', '--out', out];
    // A directory for labs that holds no others.
    const run = startFlotilla(words, { env: { TMPDIR: root } });
    try {
      await run.said(/samples\/s/);
      const boards = await boardsOf(run.pid);
      await untilStep(await labIn(root), replicatedSteps, run);
      await disturb(run, boards);
      const { code, stdout, stderr } = await run.ended;
      t.is(code, 0, stderr);
      assertSameTrace(t, await lossesOf(out), undisturbed);
      for (const { pid } of boards) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
      return stdout;
    } finally {
      run.kill('SIGKILL');
      await run.ended;
    }
  });
}

const pidOf = (boards: readonly AgentProcess[], id: string) => boards.find(({ board }) => board === id)!.pid;

for (const victim of ['board1', 'board2', 'board3']) {
  test.serial(`a run whose ${victim} is killed goes on without it, to the losses of an undisturbed run`, async (t) => {
    t.timeout(patienceMilliseconds);
    const said = await disturbed(t, async (run, boards) => {
      process.kill(pidOf(boards, victim), 'SIGKILL');
      await run.said(/Going on from step \d+ of \d+ done, with plan 2/);
    });
    t.regex(said, new RegExp(`${victim} \\(stage \\d\\) was lost`));
  });
}

test.serial('two boards that are killed at once leave the run to the third', async (t) => {
  t.timeout(patienceMilliseconds);
  await disturbed(t, async (_run, boards) => {
    for (const victim of ['board1', 'board3']) process.kill(pidOf(boards, victim), 'SIGKILL');
  });
});

test.serial('a board that is killed while others load their new stage is left out too', async (t) => {
  t.timeout(patienceMilliseconds);
  await disturbed(t, async (run, boards) => {
    process.kill(pidOf(boards, 'board2'), 'SIGKILL');
    await run.said(/Going on from step/);
    process.kill(pidOf(boards, 'board3'), 'SIGKILL');
  });
});

test.serial('a board that stands still is missed, and may stay when it goes on', async (t) => {
  t.timeout(patienceMilliseconds);
  const said = await disturbed(t, async (run, boards) => {
    process.kill(pidOf(boards, 'board2'), 'SIGSTOP');
    await run.said(/gave no sign of life for 4 s at step \d+\. Going on/);
    process.kill(pidOf(boards, 'board2'), 'SIGCONT');
  });
  t.regex(said, /board2 \(stage 1\) gave no sign of life/);
});

test.serial('a board that stands still for a second is waited for', async (t) => {
  t.timeout(patienceMilliseconds);
  const said = await disturbed(t, async (_run, boards) => {
    process.kill(pidOf(boards, 'board2'), 'SIGSTOP');
    await wait(1_000);
    process.kill(pidOf(boards, 'board2'), 'SIGCONT');
  });
  t.notRegex(said, /Going on from step/);
});
