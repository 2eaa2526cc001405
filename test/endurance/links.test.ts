/** Runs whose links are disturbed: the same losses, and no memory that grows. `make test-links` runs the long form. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { whyNoNetwork } from '../cli/lab/support.ts';
import { inTemporaryDirectory, lossesOf, startFlotilla } from '../fleet/helpers.ts';
import { boardOfLab, type Disturbance, dropping, nothing, residentBytes, standing } from './disturbances.ts';

const isLong = process.env.FLOTILLA_LONG === '1';
const STEPS = Number(process.env.FLOTILLA_STEPS ?? (isLong ? 3000 : 40));
const DEADLINE_MILLISECONDS = isLong ? 30 * 60_000 : 240_000;
const SAMPLE_MILLISECONDS = 1_000;
const WARM_UP_MILLISECONDS = 60_000;
const GROWTH_BYTES = 20e6;
const skipped = await whyNoNetwork();
const small = ['--model', 'cifarnet', '--batch', '16', '--micro-batches', '4', '--test-limit', '16'];

interface Case {
  readonly title: string;
  readonly link: string;
  readonly disturb: Disturbance;
}

const cases: readonly Case[] = [
  { title: 'a reader that stands still now and then', link: 'rate: 200 Mbit/s', disturb: standing },
  { title: '2 % of packets lost', link: 'rate: 200 Mbit/s, loss: 2 %', disturb: nothing },
  { title: 'a cable that is out for 3 s every 20 s', link: 'rate: 200 Mbit/s', disturb: dropping },
];

/** The losses of one run, and resident memory of board b over time. */
async function runDisturbed({ link, disturb }: Case): Promise<{ losses: number[]; memory: readonly number[] }> {
  return inTemporaryDirectory(async (root) => {
    const scenario = join(root, 'lab.yaml');
    await writeFile(scenario, `link: { ${link} }\nboards:\n  - { name: a }\n  - { name: b }\n`);
    const out = join(root, 'out');
    const words = ['train', ...small, '--steps', String(STEPS), '--scenario', scenario, '--out', out];
    const run = startFlotilla([...words, '--split', '0-1,2'], { deadlineMilliseconds: DEADLINE_MILLISECONDS });
    const stop = new AbortController();
    const memory: number[] = [];
    try {
      await run.said(/samples\/s|step +\d+|loss/);
      const board = await boardOfLab(run.pid, 'b');
      const disturbed = disturb(board, stop.signal);
      const watch = async (): Promise<void> => {
        while (!stop.signal.aborted) {
          memory.push(Math.max(0, ...(await Promise.all(board.pids.map(residentBytes)))));
          await wait(SAMPLE_MILLISECONDS, undefined, { signal: stop.signal }).catch(() => {});
        }
      };
      const watched = watch();
      const { code, stderr } = await run.ended;
      stop.abort();
      await Promise.all([disturbed, watched]);
      if (code !== 0) throw new Error(`the run ended with ${code}:\n${stderr}`);
      return { losses: await lossesOf(out), memory: memory.filter((bytes) => bytes > 0) };
    } finally {
      stop.abort();
      run.kill('SIGTERM');
      await run.ended;
    }
  });
}

const undisturbed = inTemporaryDirectory(async (root) => {
  if (skipped !== undefined) return [];
  const out = join(root, 'out');
  const words = ['train', ...small, '--steps', String(STEPS), '--boards', '2', '--split', '0-1,2', '--out', out];
  const { code, stderr } = await startFlotilla(words, { deadlineMilliseconds: DEADLINE_MILLISECONDS }).ended;
  if (code !== 0) throw new Error(`the undisturbed run ended with ${code}:\n${stderr}`);
  return lossesOf(out);
});
undisturbed.catch(() => {});

for (const one of cases) {
  const run = skipped === undefined ? test.serial : test.serial.skip;
  run(`${one.title}: the same losses as undisturbed, and flat memory (${skipped ?? `${STEPS} steps`})`, async (t) => {
    t.timeout(2 * DEADLINE_MILLISECONDS);
    const expected = await undisturbed;
    const { losses, memory } = await runDisturbed(one);
    t.deepEqual(losses, expected);
    const settled = memory.slice(WARM_UP_MILLISECONDS / SAMPLE_MILLISECONDS);
    const growth = settled.length < 2 ? 0 : Math.max(...settled.slice(-10)) - Math.max(...settled.slice(0, 10));
    t.log(`${memory.length} s, ${(Math.max(...memory) / 1e6).toFixed(0)} MB, grown by ${(growth / 1e6).toFixed(1)} MB`);
    t.true(growth <= GROWTH_BYTES, `${growth} bytes more after the first minute`);
  });
}
