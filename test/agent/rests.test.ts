import test from 'ava';
import { createRests } from '../../agent/engine/rests.ts';
import { besideTraining } from '../../agent/engine/worker-engine.ts';

const workedSeconds = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
};

/** Seconds of the processor and by the clock: of some work, and of that and the rest after it. */
async function workAndRest(rest: () => Promise<void>) {
  const start = performance.now();
  const before = workedSeconds();
  let sum = 0;
  while (workedSeconds() - before < 0.01) sum += Math.sqrt(sum);
  const worked = workedSeconds() - before;
  await rest();
  return { worked, passed: (performance.now() - start) / 1000 };
}

test('work and rest together take as long as the share of the processor says', async (t) => {
  const { signal } = new AbortController();
  for (const beside of [{ loadingShare: 0.2 }, { loadingShare: 0.4, cores: 0.5 }]) {
    const rests = createRests(beside, signal);
    for (let round = 0; round < 2; round += 1) {
      const { worked, passed } = await workAndRest(() => rests.rest());
      // A timer may come a millisecond early.
      t.true(passed >= worked / 0.2 - 0.002, `${worked} ${passed}`);
    }
  }
});

test('who is in a hurry does not rest, and neither does who has no share', async (t) => {
  await workAndRest(() => createRests({ loadingShare: 1e-9 }, AbortSignal.abort()).rest());
  await workAndRest(() => createRests({}, new AbortController().signal).rest());
  t.pass();
});

test('an engine beside training rests where its thread may not yield', (t) => {
  const { cores, loadingShare } = besideTraining(2, 0.1);
  t.deepEqual([cores, loadingShare], [0.1, 0.09]);
  t.falsy(besideTraining(2, undefined).yields);
  const alone = besideTraining(1, undefined);
  t.not(alone.loadingShare === undefined, !alone.yields);
});
