import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { inTemporaryDirectory, runFlotilla } from './helpers.ts';

test.serial("an agent's main thread stays free while resnet18 trains", async (t) => {
  t.timeout(170_000);
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
    // Ava runs each test file in a thread of its own, with its own environment.
    process.env.NODE_OPTIONS = `--import=${probe}`;
    process.env.FLOTILLA_EVENT_LOOP_FILE = file;
    await runFlotilla(['train', ...words, '--json']);
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
