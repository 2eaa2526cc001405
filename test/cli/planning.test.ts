import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { directoryFor, flotilla, reportOf } from './support.ts';

const scenario = `version: 1
model: mlp
batch: 16
microBatches: 4
boards:
  - { id: pi4, count: 2, gflops: 12, memoryMB: 2000 }
  - { id: nano, gflops: 30, memoryMB: 3000 }
`;

type PlanReport = { readonly stepSeconds: number; readonly microBatches: number; readonly stages: readonly unknown[] };

test.serial('simulate prints a table and a chart, writes the SVG, and reports', async (t) => {
  const directory = await directoryFor(t);
  await writeFile(join(directory, 'scenario.yaml'), scenario);
  const ended = await flotilla(t, directory, 'simulate', 'scenario.yaml', '--svg', 'charts/step.svg', '--json');
  t.is(ended.exitCode, 0, ended.stderr);
  t.regex(ended.stderr, /samples per second predicted/);
  t.regex(ended.stderr, /A step follows the one before after/);
  t.true((await readFile(join(directory, 'charts/step.svg'), 'utf8')).startsWith('<svg'));
  const report = reportOf(ended) as PlanReport;
  t.true(report.stepSeconds > 0 && report.stages.length >= 1);
});

test.serial('plan explains itself, for a scenario and for a fleet', async (t) => {
  const directory = await directoryFor(t);
  await writeFile(join(directory, 'scenario.yaml'), scenario);
  const args = ['plan', '--model', 'cifarnet', '--scenario', 'scenario.yaml', '--micro-batches', 'auto', '--json'];
  const ended = await flotilla(t, directory, ...args);
  t.is(ended.exitCode, 0, ended.stderr);
  t.regex(ended.stderr, /nano holds block/);
  t.is(16 % (reportOf(ended) as PlanReport).microBatches, 0);
  await flotilla(t, directory, 'fleet', 'init', 'lab', '--boards', '2');
  const ofFleet = await flotilla(t, directory, 'plan', '--model', 'cifarnet', '--fleet', 'lab', '--use-all');
  t.is(ofFleet.exitCode, 0, ofFleet.stderr);
  t.regex(ofFleet.stdout, /board1 holds block/);
});

test.serial("a fleet's boards are planned with their profiles, where there are some", async (t) => {
  const directory = await directoryFor(t);
  await flotilla(t, directory, 'fleet', 'init', 'lab', '--boards', '2');
  const plan = async () => {
    const args = ['--model', 'cifarnet', '--fleet', 'lab', '--use-all', '--profiles', 'profiles', '--json'];
    return (reportOf(await flotilla(t, directory, 'plan', ...args)) as PlanReport).stepSeconds;
  };
  const nominal = await plan();
  const calibrated = ['--board', 'board1', '--profiles', 'profiles', '--budget', '3', '--threads', '1'];
  t.is((await flotilla(t, directory, 'calibrate', ...calibrated)).exitCode, 0);
  t.not(await plan(), nominal);
});

test.serial('a plan that fits into no memory says which board lacks how much, at which block', async (t) => {
  const directory = await directoryFor(t);
  await writeFile(join(directory, 'small.yaml'), scenario.replaceAll(/memoryMB: \d+/g, 'memoryMB: 90'));
  const ended = await flotilla(t, directory, 'plan', '--scenario', 'small.yaml', '--model', 'vgg11', '--json');
  t.is(ended.exitCode, 2);
  const { error } = reportOf(ended) as { error: { code: string; message: string } };
  t.is(error.code, 'PARTITION_MEMORY');
  t.regex(error.message, /board '.*' lacks .* MB at block \d+/);
});

test.serial('a scenario of churn plans anew after each change', async (t) => {
  const directory = await directoryFor(t);
  const churn = 'churn: { minutes: 1, leavePerMinute: 0.5, joinPerMinute: 0.5 }\n';
  await writeFile(join(directory, 'churn.yaml'), scenario.replace('count: 2', 'count: 20') + churn);
  const ended = await flotilla(t, directory, 'simulate', 'churn.yaml', '--json');
  t.is(ended.exitCode, 0, ended.stderr);
  const { changes, plans } = reportOf(ended) as { changes: number; plans: number };
  t.true(changes > 5 && plans === changes);
});

test.serial('plan chooses the widths of slow links and says why, and refuses what no width can be', async (t) => {
  const directory = await directoryFor(t);
  await writeFile(join(directory, 'slow.yaml'), `${scenario}links: { megabitsPerSecond: 20 }\n`);
  const args = ['plan', '--scenario', 'slow.yaml', '--model', 'cifarnet', '--use-all', '--json'];
  const plain = reportOf(await flotilla(t, directory, ...args)) as PlanReport;
  const ended = await flotilla(t, directory, ...args, '--codec', 'auto');
  t.is(ended.exitCode, 0, ended.stderr);
  t.regex(ended.stderr, /The link \S+ → \S+ sends \d(\/8)? bits: with .* a step would take \d+\.\d\d times as long/);
  const report = reportOf(ended) as PlanReport & { readonly widths: readonly { readonly width: string }[] };
  t.is(report.widths.length, 2);
  t.true(report.stepSeconds < plain.stepSeconds);
  const strange = await flotilla(t, directory, ...args, '--codec', 'auto', '--min-bits', '8/4');
  t.is(strange.exitCode, 2);
  t.is((reportOf(strange) as { error: { code: string } }).error.code, 'LEAST_BITS');
});
