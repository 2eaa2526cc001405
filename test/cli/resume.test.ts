import { mkdtempSync } from 'node:fs';
import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { writeCifar10, writeIdx } from '../agent/data/fixtures.ts';
import { lossesOf, startFlotilla } from '../fleet/helpers.ts';
import { directoryFor, flotilla, reportOf } from './support.ts';

const small = ['--model', 'mlp', '--boards', '1', '--batch', '16', '--micro-batches', '2'];
const constant = ['--lr', '0.02'];
const rates = { cosine: 'cosine:0.02', constant: '0.02' } as const;
type Rate = keyof typeof rates;

/** Runs of 6 steps with a checkpoint after 3, made once: one at a constant rate, one along a cosine. */
const made = mkdtempSync(join(tmpdir(), 'flotilla-resume-'));

test.before(async (t) => {
  t.timeout(120_000);
  for (const [name, rate] of Object.entries(rates)) {
    const words = ['train', ...small, '--lr', rate, '--steps', '6', '--checkpoint-every', '3', '--out', name];
    const { code, stderr } = await startFlotilla(words, { cwd: made }).ended;
    t.is(code, 0, stderr);
  }
  const words = ['train', ...small, ...constant, '--steps', '9', '--out', 'nine'];
  const { code, stderr } = await startFlotilla(words, { cwd: made }).ended;
  t.is(code, 0, stderr);
});

test.after.always(() => rm(made, { recursive: true, force: true }));

/** A directory with a copy of one of the runs, as `run`. */
async function withRun(t: ExecutionContext, rate: Rate): Promise<string> {
  const directory = await directoryFor(t);
  await cp(join(made, rate), join(directory, 'run'), { recursive: true });
  return directory;
}

const resume = ['train', '--boards', '1', '--json', '--resume'];

test.serial('a run that has ended goes on for more steps, as if it had been asked for them at once', async (t) => {
  const directory = await withRun(t, 'constant');
  const ended = await flotilla(t, directory, ...resume, 'run', '--steps', '9');
  t.is(ended.exitCode, 0, ended.stderr);
  t.like(reportOf(ended), { steps: 9 });
  t.deepEqual(await lossesOf(join(directory, 'run')), await lossesOf(join(made, 'nine')));
});

test.serial('a run that goes on from its middle ends earlier where fewer steps are asked for', async (t) => {
  const directory = await withRun(t, 'constant');
  const checkpoints = join('run', 'checkpoints');
  const first = (await readdir(join(directory, checkpoints))).find((file) => /step-3\.json$/.test(file))!;
  const ended = await flotilla(t, directory, ...resume, join(checkpoints, first), '--steps', '5', '--out', 'short');
  t.is(ended.exitCode, 0, ended.stderr);
  t.deepEqual(await lossesOf(join(directory, 'short')), (await lossesOf(join(made, 'constant'))).slice(0, 5));
});

test.serial('a learning rate that is given with --resume holds for the steps to come', async (t) => {
  const directory = await withRun(t, 'cosine');
  const ended = await flotilla(t, directory, ...resume, 'run', '--steps', '9', '--lr', '0.01');
  t.is(ended.exitCode, 0, ended.stderr);
  const losses = await lossesOf(join(directory, 'run'));
  t.is(losses.length, 9);
  t.deepEqual(losses.slice(0, 6), await lossesOf(join(made, 'cosine')));
});

const refusals: Readonly<Record<string, readonly [rate: Rate, args: readonly string[], code: string, says: RegExp]>> = {
  'a run that has done all of its steps says how to ask for more': [
    'constant',
    [],
    'RESUME_STEPS',
    /has done all of its 6 steps \('run\/checkpoints\/.*step-6\.json'\)\. Ask for more, with --steps or --epochs\./,
  ],
  'fewer steps than are done are refused with both numbers': [
    'constant',
    ['--steps', '4'],
    'RESUME_STEPS',
    /--steps 4 means 4 steps in all, and the run that is resumed has done 6/,
  ],
  'another length under a cosine is refused, as it would be another cosine': [
    'cosine',
    ['--steps', '9'],
    'RESUME_STEPS',
    /--steps 9 .*cosine:0\.02,warmup=0,floor=0\) comes down over 6 .*with --lr/,
  ],
  'another batch is refused': [
    'constant',
    ['--steps', '9', '--batch', '32'],
    'RESUME_MISMATCH',
    /--batch 32 .*with 16/,
  ],
  'augmentation that was not there before is refused': [
    'constant',
    ['--steps', '9', '--augment'],
    'RESUME_MISMATCH',
    /--augment true .*with false/,
  ],
};

for (const [title, [rate, args, code, says]] of Object.entries(refusals)) {
  test.serial(title, async (t) => {
    const directory = await withRun(t, rate);
    const ended = await flotilla(t, directory, ...resume, 'run', ...args);
    t.is(ended.exitCode, 2, ended.stderr);
    const { error } = reportOf(ended) as { error: { code: string; message: string } };
    t.is(error.code, code);
    t.regex(error.message, says);
    t.deepEqual(await lossesOf(join(directory, 'run')), await lossesOf(join(made, rate)));
  });
}

test.serial('--data says where the same data lie now; other data are refused', async (t) => {
  const directory = await directoryFor(t);
  for (const name of ['photos', 'digits']) await mkdir(join(directory, name));
  await writeCifar10(join(directory, 'photos'));
  await writeIdx(join(directory, 'digits'));
  const words = [...small, ...constant, '--data', 'photos', '--out', 'run', '--steps', '2'];
  t.is((await flotilla(t, directory, 'train', ...words)).exitCode, 0);
  await rename(join(directory, 'photos'), join(directory, 'moved'));

  const other = await flotilla(t, directory, ...resume, 'run', '--steps', '4', '--data', 'digits');
  t.is(other.exitCode, 2, other.stderr);
  t.regex(other.stderr, /--data digits .*\[1, 28, 28\].*\[3, 32, 32\].*RESUME_MISMATCH/);

  const moved = await flotilla(t, directory, ...resume, 'run', '--steps', '4', '--data', 'moved');
  t.is(moved.exitCode, 0, moved.stderr);
  t.is((await lossesOf(join(directory, 'run'))).length, 4);
});

test.serial('a run with error feedback says that it goes on without what was lost', async (t) => {
  const directory = await directoryFor(t);
  const two = ['--model', 'mlp', '--boards', '2', '--batch', '16', '--micro-batches', '2', ...constant];
  const first = [...two, '--codec', '4+feedback/8', '--steps', '2', '--out', 'run'];
  t.is((await flotilla(t, directory, 'train', ...first)).exitCode, 0);
  const again = await flotilla(t, directory, 'train', '--boards', '2', '--resume', 'run', '--steps', '3');
  t.is(again.exitCode, 0, again.stderr);
  t.regex(again.stdout, /Error feedback starts anew/);
  t.is((await lossesOf(join(directory, 'run'))).length, 3);
});
