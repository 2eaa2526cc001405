import { readFile } from 'node:fs/promises';
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

/** Boards hold each other's state of every so many steps; the hub holds none, unless a test says so. */
const EVERY = 20;
const boardsAlone = ['--replicate-every', `${EVERY}`, '--capture-every', '0'];
/** The state of the step before the last multiple is with others by then, as none is begun before it is. */
const replicatedSteps = 2 * EVERY + 5;

/** Trains on three boards, disturbs it once it has made something to lose, and holds its losses against the undisturbed ones. */
async function disturbed(
  t: ExecutionContext,
  disturb: (run: Running, boards: readonly AgentProcess[]) => Promise<void>,
  holding: readonly string[] = boardsAlone,
): Promise<Disturbed> {
  return inTemporaryDirectory(async (root) => {
    const out = join(root, 'out');
    const words = [...settings, '--boards', '3', ...holding, '--out', out];
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
      const { recoveries } = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as Pick<Disturbed, 'recoveries'>;
      return { said: stdout, recoveries };
    } finally {
      run.kill('SIGKILL');
      await run.ended;
    }
  });
}

/** What a disturbed run has said, and how it went on. */
interface Disturbed {
  readonly said: string;
  readonly recoveries: readonly { readonly step: number; readonly fromStep: number; readonly heldBy: string }[];
}

/** Nothing is done again but the steps since the last state that was held, and what was under way. */
function assertLittleIsRedone(t: ExecutionContext, { recoveries }: Disturbed): void {
  t.true(recoveries.length > 0);
  for (const { step, fromStep, heldBy } of recoveries) {
    t.is(heldBy, 'boards');
    t.true(fromStep >= EVERY, `it went on from step ${fromStep}`);
    t.true(step - fromStep < 2 * EVERY + 2, `steps ${fromStep} to ${step} were done again`);
  }
}

const pidOf = (boards: readonly AgentProcess[], id: string) => boards.find(({ board }) => board === id)!.pid;

for (const victim of ['board1', 'board2', 'board3']) {
  test.serial(`a run whose ${victim} is killed goes on without it, to the losses of an undisturbed run`, async (t) => {
    t.timeout(patienceMilliseconds);
    const done = await disturbed(t, async (run, boards) => {
      process.kill(pidOf(boards, victim), 'SIGKILL');
      await run.said(/Going on from step \d+ of \d+ done, with plan 2/);
    });
    assertLittleIsRedone(t, done);
    t.regex(done.said, new RegExp(`${victim} \\(stage \\d\\) was lost`));
  });
}

test.serial('two boards that are killed at once leave the run to the third, which holds what they did', async (t) => {
  t.timeout(patienceMilliseconds);
  const done = await disturbed(t, async (_run, boards) => {
    for (const victim of ['board1', 'board3']) process.kill(pidOf(boards, victim), 'SIGKILL');
  });
  assertLittleIsRedone(t, done);
});

test.serial(
  'neighbours that are killed, one while the other loads its new stage, leave what the hub holds',
  async (t) => {
    t.timeout(patienceMilliseconds);
    const done = await disturbed(
      t,
      async (run, boards) => {
        process.kill(pidOf(boards, 'board2'), 'SIGKILL');
        await run.said(/Going on from step/);
        process.kill(pidOf(boards, 'board3'), 'SIGKILL');
      },
      ['--replicate-every', '7', '--capture-every', `${EVERY}`],
    );
    const { fromStep } = done.recoveries.at(-1)!;
    t.true(fromStep >= EVERY, `it went on from step ${fromStep}`);
  },
);

test.serial('a board that stands still is missed, and may stay when it goes on', async (t) => {
  t.timeout(patienceMilliseconds);
  const { said } = await disturbed(t, async (run, boards) => {
    process.kill(pidOf(boards, 'board2'), 'SIGSTOP');
    await run.said(/gave no sign of life for 4 s at step \d+\. Going on/);
    process.kill(pidOf(boards, 'board2'), 'SIGCONT');
  });
  t.regex(said, /board2 \(stage 1\) gave no sign of life/);
});

test.serial('a board that stands still for a second is waited for', async (t) => {
  t.timeout(patienceMilliseconds);
  const { said } = await disturbed(t, async (_run, boards) => {
    process.kill(pidOf(boards, 'board2'), 'SIGSTOP');
    await wait(1_000);
    process.kill(pidOf(boards, 'board2'), 'SIGCONT');
  });
  t.notRegex(said, /Going on from step/);
});
