import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readCheckpoint } from '../../agent/index.ts';
import { type RealFleet, startFleet } from './fleet.ts';
import { type Ended, inTemporaryDirectory, lossesOf, patienceMilliseconds, type Running } from './helpers.ts';
import { shedIn, untilStep } from './steps.ts';
import { assertSameTrace } from './undisturbed.ts';

const words = ['train', '--model', 'mlp', '--micro-batches', '2', '--train-limit', '400'];
const settings = [
  ...words,
  '--test-limit',
  '20',
  '--lr',
  '0.01',
  '--checkpoint-every',
  '20',
  '--replicate-every',
  '20',
];

const short = (steps: number): readonly string[] => ['--steps', `${steps}`, '--batch', '16'];

/** A fleet of two boards that trains; its losses are held against those of a run that nobody disturbs. */
async function changing(
  t: ExecutionContext,
  size: readonly string[],
  change: (
    fleet: RealFleet,
    run: Running,
    boards: Running[],
    hub: Running,
  ) => Promise<{ readonly ended: Promise<Pick<Ended, 'code' | 'stderr'>> }>,
): Promise<void> {
  await inTemporaryDirectory(async (cwd) => {
    const fleet = await startFleet(cwd, 2);
    const asked = [...settings, ...size];
    try {
      const quiet = await fleet.start(...asked, '--boards', '1', '--out', 'quiet').ended;
      t.is(quiet.code, 0, quiet.stderr);
      const hub = await fleet.startHub();
      const boards = await Promise.all(fleet.boards.map(fleet.startBoard));
      const run = fleet.start(
        ...asked,
        '--fleet',
        'shed',
        '--boards',
        'board1,board2',
        '--survey',
        '0',
        '--out',
        'out',
      );
      await run.said(/samples\/s/);
      const { code, stderr } = await (await change(fleet, run, boards, hub)).ended;
      t.is(code, 0, stderr);
      assertSameTrace(t, await lossesOf(join(cwd, 'out')), await lossesOf(join(cwd, 'quiet')));
    } finally {
      await fleet.close();
    }
  });
}

/** Stops a run after the step under way. @returns the losses in the checkpoint that it leaves */
async function stopped(run: Running, directory: string): Promise<readonly number[]> {
  run.kill('SIGINT');
  await run.ended;
  return (await readCheckpoint(join(directory, 'checkpoints'))).state.losses;
}

test.serial('a board is drained, switched off, and takes part again after its return', async (t) => {
  t.timeout(patienceMilliseconds);
  await inTemporaryDirectory(async (cwd) => {
    const fleet = await startFleet(cwd, 2);
    try {
      await fleet.startHub();
      const boards = await Promise.all(fleet.boards.map(fleet.startBoard));
      // More steps than are done on any machine while the board is on its way.
      const words = [...settings, ...short(1_000_000), '--survey', '0', '--out', 'out'];
      const run = fleet.start(...words, '--fleet', 'shed', '--boards', 'board1,board2');
      await run.said(/samples\/s/);
      const drained = await fleet.start('drain', 'board2', '--fleet', 'shed').ended;
      t.is(drained.code, 0, drained.stderr);
      t.regex(drained.stdout, /board2 works for run mlp-\w+: waiting until it has given its work away/);
      t.regex(drained.stdout, /board2 has no work and may be switched off/);
      t.regex(run.text(), /board2 is being drained\. Going on from step \d+, with plan 2/);
      boards[1]!.kill('SIGTERM');
      await boards[1]!.ended;
      await fleet.startBoard('board2');
      t.is((await fleet.start('undrain', 'board2', '--fleet', 'shed').ended).code, 0);
      await run.said(/board2 is there\. Going on from step \d+, with plan 3/);
      const losses = await stopped(run, join(cwd, 'out'));
      const undisturbed = [...settings, ...short(losses.length), '--boards', '1', '--out', 'quiet'];
      const quiet = await fleet.start(...undisturbed).ended;
      t.is(quiet.code, 0, quiet.stderr);
      assertSameTrace(t, losses, await lossesOf(join(cwd, 'quiet')));
    } finally {
      await fleet.close();
    }
  });
});

test.serial('a run that has lost all of its boards waits for them, and goes on when they return', async (t) => {
  t.timeout(patienceMilliseconds);
  await changing(t, short(300), async (fleet, run, boards) => {
    for (const board of boards) board.kill('SIGKILL');
    await run.said(/The run waits for boards: no board of the run is online/);
    await Promise.all(fleet.boards.map(fleet.startBoard));
    return run;
  });
});

test.serial(
  'boards outlive a hub that is killed with its run, and the hub goes on with the run by itself',
  async (t) => {
    t.timeout(patienceMilliseconds);
    await changing(t, short(300), async (fleet, run, boards, hub) => {
      await untilStep(shedIn(fleet.directory), 30, run);
      for (const process of [run, hub]) process.kill('SIGKILL');
      await Promise.all([run.ended, hub.ended]);
      const again = await fleet.startHub();
      await again.said(/Run mlp-\S+ has lost its process: it goes on\./);
      await again.said(/Run mlp-\S+ has ended with code 0\./);
      for (const { child } of boards) t.is(child.exitCode ?? child.signalCode, null, 'no board was started again');
      return { ended: Promise.resolve({ code: 0, stderr: '' }) };
    });
  },
);

test.serial('a run whose process is killed at its beginning goes on from what it has saved, if anything', async (t) => {
  t.timeout(patienceMilliseconds);
  await changing(t, short(120), async (_fleet, run, _boards, hub) => {
    run.kill('SIGKILL');
    await run.ended;
    await hub.said(/Run mlp-\S+ has ended with code 0\./);
    return { ended: Promise.resolve({ code: 0, stderr: '' }) };
  });
});

test.serial('a run that was left unfinished goes on by --resume alone, on the fleet that it was on', async (t) => {
  t.timeout(patienceMilliseconds);
  await inTemporaryDirectory(async (cwd) => {
    const fleet = await startFleet(cwd, 2);
    try {
      await fleet.startHub('--leave-runs');
      await Promise.all(fleet.boards.map(fleet.startBoard));
      const asked = [...settings, ...short(120), '--survey', '0'];
      const run = fleet.start(...asked, '--fleet', 'shed', '--out', 'out');
      await run.said(/samples\/s/);
      run.kill('SIGKILL');
      await run.ended;
      const resumed = await fleet.start('train', '--resume', 'out').ended;
      t.is(resumed.code, 0, resumed.stderr);
      t.regex(resumed.stdout, /Waiting for board1, board2 of fleet 'shed'/);
      t.is((await lossesOf(join(cwd, 'out'))).length, 120);
      const again = await fleet.start('train', '--resume', 'out').ended;
      t.is(again.code, 2);
      t.regex(again.stderr, /has done all of its 120 steps/);
    } finally {
      await fleet.close();
    }
  });
});

test.serial('a board without an id in the fleet cannot be drained', async (t) => {
  await inTemporaryDirectory(async (cwd) => {
    const fleet = await startFleet(cwd, 2);
    try {
      const { code, stderr } = await fleet.start('drain', 'board9', '--fleet', 'shed').ended;
      t.is(code, 2);
      t.regex(stderr, /fleet 'shed' has no board 'board9': choose one of board1, board2.*\[BOARD_UNKNOWN\]/s);
    } finally {
      await fleet.close();
    }
  });
});
