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
  const { cores, loadingShare, yields } = besideTraining({ threads: 2, quotaCores: 0.1 });
  t.deepEqual([cores, loadingShare], [0.1, 0.09]);
  t.falsy(yields);
  t.deepEqual(besideTraining({ threads: 2 }), { loadingShare: 0.09 });
  const alone = besideTraining({ threads: 1 });
  t.not(alone.loadingShare === undefined, !alone.yields);
});

test('under a quota it takes half of what the last step has left, and a little in any case', (t) => {
  const under = (usedCores?: number) => {
    const { loadingShare, cores } = besideTraining({ threads: 1, quotaCores: 0.2, usedCores });
    return { loadingShare, cores };
  };
  t.deepEqual(under(), { loadingShare: 0.09, cores: 0.2 });
  t.deepEqual(under(0.199), { loadingShare: 0.09, cores: 0.2 });
  t.deepEqual(under(0.05), { loadingShare: 0.375, cores: 0.2 });
  // A quota that has fallen since.
  t.deepEqual(under(0.4), { loadingShare: 0.09, cores: 0.2 });
});
