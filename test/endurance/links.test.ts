/** Runs whose links are disturbed: the same losses, and no memory that grows. `make test-links` runs the long form. */
import test from 'ava';
import { whyNoNetwork } from '../cli/lab/support.ts';
import { dropping, nothing, standing } from './disturbances.ts';
import { type DisturbedCase, growthOf, type Length, runDisturbed, undisturbed } from './disturbed-run.ts';

const length: Length =
  process.env.FLOTILLA_LONG === '1' ? { seconds: Number(process.env.FLOTILLA_SECONDS ?? 600) } : { steps: 40 };
const howLong = 'seconds' in length ? `${length.seconds} s` : `${length.steps} steps`;
const PATIENCE_MILLISECONDS = 45 * 60_000;
const GROWTH_BYTES = 20e6;
const skipped = await whyNoNetwork();

const cases: readonly DisturbedCase[] = [
  { title: 'a reader that stands still now and then', link: 'rate: 200 Mbit/s', disturb: standing },
  { title: '2 % of packets lost', link: 'rate: 200 Mbit/s, loss: 2 %', disturb: nothing },
  { title: 'a cable that is out for 3 s every 20 s', link: 'rate: 200 Mbit/s', disturb: dropping },
];

const calm = skipped === undefined ? runDisturbed(undisturbed, length) : undefined;
calm?.catch(() => {});

for (const one of cases) {
  const run = skipped === undefined ? test.serial : test.serial.skip;
  run(`${one.title}: the same losses as undisturbed, and flat memory (${skipped ?? howLong})`, async (t) => {
    t.timeout(PATIENCE_MILLISECONDS);
    const { losses: expected } = await calm!;
    const { losses, memory } = await runDisturbed(one, length);
    // Of two runs of the same time the undisturbed one is usually the longer.
    const steps = Math.min(losses.length, expected.length);
    t.true(steps > 0);
    t.deepEqual(losses.slice(0, steps), expected.slice(0, steps));
    t.log(`${losses.length} steps (undisturbed ${expected.length}), ${steps} compared`);
    for (const [board, bytes] of Object.entries(memory)) {
      const megabytes = (count: number): string => (count / 1e6).toFixed(1);
      const growth = growthOf(bytes);
      t.log(`${board}: ${bytes.length} s, up to ${megabytes(Math.max(...bytes))} MB, ${megabytes(growth)} MB more`);
      t.true(growth <= GROWTH_BYTES, `${board}: ${growth} bytes more after the first minute`);
    }
  });
}
