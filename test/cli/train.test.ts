import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { lossesOf } from '../fleet/helpers.ts';
import { directoryFor, flotilla, reportOf, start } from './support.ts';

const small = ['--model', 'mlp', '--data', 'shapes', '--batch', '16', '--micro-batches', '2'];

test.serial('a run on two boards ends with a model, its accuracy and the report that --json promises', async (t) => {
  const directory = await directoryFor(t);
  const ended = await flotilla(
    t,
    directory,
    'train',
    ...small,
    '--boards',
    '2',
    '--steps',
    '6',
    '--out',
    'out',
    '--json',
  );
  t.is(ended.exitCode, 0, ended.stderr);
  t.regex(ended.stderr, /^Starting 2 boards on this machine …\n/);
  const report = reportOf(ended) as {
    readonly loss: number;
    readonly accuracy: number;
    readonly boards: Readonly<Record<string, { readonly bytesSent: number; readonly bytesReceived: number }>>;
    readonly links: readonly { readonly from: string; readonly to: string; readonly bytes: number }[];
    readonly files: { readonly model: string };
  };
  t.like(report, { steps: 6 });
  for (const field of ['run', 'steps', 'loss', 'accuracy', 'samplesPerSecond', 'boards', 'files'])
    t.true(field in report);
  t.deepEqual(Object.keys(report.boards), ['board1', 'board2']);
  t.deepEqual(
    report.links.map(({ from, to }) => [from, to]),
    [
      ['board1', 'board2'],
      ['board2', 'board1'],
    ],
  );
  for (const { from, bytes } of report.links) {
    const { bytesSent, bytesReceived } = report.boards[from]!;
    // The rest of what a board sends are credits for what it received.
    t.true(bytes > 0.9 * bytesSent && bytes < bytesSent, `${bytes} of ${bytesSent}`);
    t.true(bytesReceived > 0);
  }
  t.regex(ended.stderr, /board1 → board2 +\d+\.\d MB +\d+\.\d{3} MB\n/);
  t.true(Number.isFinite(report.loss));
  t.true((await stat(join(directory, report.files.model))).size > 0);
  const evaluated = await flotilla(
    t,
    directory,
    'eval',
    ...['--onnx', join('out', 'model.onnx'), '--data', 'shapes', '--json'],
  );
  t.is(evaluated.exitCode, 0, evaluated.stderr);
  t.is((reportOf(evaluated) as { accuracy: number }).accuracy, report.accuracy);
});

test.serial('Ctrl-C leaves a checkpoint, and --resume goes on from it to the same losses', async (t) => {
  const directory = await directoryFor(t);
  // More than are done until the signal is there.
  const steps = 160;
  const options = [...small, '--boards', '2', '--steps', `${steps}`, '--lr', 'cosine:0.02,warmup=5'];
  const whole = await flotilla(t, directory, 'train', ...options, '--out', 'whole');
  t.is(whole.exitCode, 0, whole.stderr);

  const interrupted = start(t, directory, ['train', ...options, '--out', 'part', '--json']);
  await interrupted.until(/\d+\/\d+ +loss/);
  interrupted.child.kill('SIGINT');
  const stopped = await interrupted.ended;
  t.is(stopped.exitCode, 130, stopped.stderr);
  const { steps: done } = reportOf(stopped) as { steps: number };
  t.true(done < steps);
  t.regex(stopped.stderr, /--resume part/);

  const resumed = await flotilla(t, directory, 'train', '--resume', 'part', '--boards', '2', '--json');
  t.is(resumed.exitCode, 0, resumed.stderr);
  t.is((reportOf(resumed) as { steps: number }).steps, steps);
  const all = await lossesOf(join(directory, 'whole'));
  t.is(all.length, steps);
  t.deepEqual(await lossesOf(join(directory, 'part')), all);
});
