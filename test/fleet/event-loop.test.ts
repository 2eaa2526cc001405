import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { boardsOf, inTemporaryDirectory, patienceMilliseconds, startFlotilla } from './helpers.ts';

test.serial("an agent's main thread stays free while resnet18 trains", async (t) => {
  t.timeout(patienceMilliseconds);
  await inTemporaryDirectory(async (directory) => {
    const file = join(directory, 'delays');
    const probe = new URL('./event-loop-probe.ts', import.meta.url).href;
    const words = [
      '--model',
      'resnet18',
      '--boards',
      '2',
      '--steps',
      '8',
      '--batch',
      '64',
      '--out',
      join(directory, 'run'),
    ];
    const env = { NODE_OPTIONS: `--import=${probe}`, FLOTILLA_EVENT_LOOP_FILE: file };
    const run = startFlotilla(['train', ...words, '--json'], { env });
    try {
      await run.said(/samples\/s/);
      for (const { pid } of await boardsOf(run.pid)) process.kill(pid, 'SIGUSR2');
      const { code, stderr } = await run.ended;
      t.is(code, 0, stderr);
    } finally {
      run.kill('SIGKILL');
      await run.ended;
    }
    const boards = (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    t.is(boards.length, 2);
    for (const { p99, max, longestBlock, count } of boards) {
      t.log(
        `delays: p99 ${p99.toFixed(1)} ms, longest ${max.toFixed(1)} ms of ${count} samples; ` +
          `longest block by its own computing ${longestBlock.toFixed(1)} ms`,
      );
      t.true(count > 100, 'the steps took long enough to measure');
      t.true(p99 <= 50, `the main thread was late by ${p99} ms`);
      t.true(longestBlock <= 50, `the main thread blocked for ${longestBlock} ms`);
    }
  });
});
