import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  calibrate,
  loadProfile,
  type Measurer,
  profilePath,
  saveProfile,
  startMeasurer,
} from '../../../agent/index.ts';
import { halfSources, predictors, probeNames, type Source, worksOf } from '../../../planner/index.ts';
import { aBoardLike, fleetModel, trueSeconds } from '../../planner/predictor/boards.ts';

const model = fleetModel();
const { adaptive: predictor } = predictors;
const board = aBoardLike();
const options = { capabilities: { channelBlock: 8 as const }, optimizerSlots: 1 };

const blocks: readonly Source[] = Array.from({ length: 7 }, (_, block) => ({
  model: 'cifarnet',
  classes: 10,
  inputShape: [3, 32, 32],
  firstBlock: block,
  lastBlock: block,
  microBatch: 8,
}));

/** Measures an imagined board in imagined time: each measurement takes `costs` seconds of the clock. */
function imaginedMeasurer(costs = 0.5) {
  let now = 0;
  const asked: { readonly model: string; readonly block: number; readonly threads: number }[] = [];
  const measurer: Measurer & { stopped: boolean } = {
    engine: { name: 'onnxruntime', version: '1.30.0' },
    channelBlock: 8,
    stopped: false,
    async measure(source, threads) {
      now += costs;
      asked.push({ model: source.model, block: source.firstBlock, threads });
      const secondsOf = (pass: string) => {
        const work = worksOf(source, options).find((each) => each.pass === pass);
        return work === undefined ? [] : [0.9, 1, 1.3].map((factor) => factor * trueSeconds(board, work));
      };
      return { forward: secondsOf('forward'), backward: secondsOf('backward'), update: secondsOf('update') };
    },
    copy: async () => 5e9,
    stop() {
      this.stopped = true;
    },
    close: async () => {},
  };
  return { measurer, asked, clock: () => now };
}

const asking = { board: 'pi-1', threads: 1, budgetSeconds: 30, predictor, model };

test('the probe is run whole, then the blocks that the predictor is least sure of, each once', async (t) => {
  const { measurer, asked, clock } = imaginedMeasurer();
  const profile = await calibrate(measurer, { ...asking, clock, blocks, mostBlocks: 3 });
  t.is(profile.ended, 'complete');
  t.deepEqual(
    asked.slice(0, probeNames.length).map((each) => each.model),
    probeNames.map((name) => `probe/${name}`),
  );
  const measured = asked.slice(probeNames.length);
  t.deepEqual(
    measured.map((each) => each.model),
    ['cifarnet', 'cifarnet', 'cifarnet'],
  );
  t.is(new Set(measured.map((each) => each.block)).size, 3);
});

test('after the blocks come the halves of the model, each once, where half of the budget is left', async (t) => {
  const { inputShape, classes, microBatch } = blocks[0]!;
  const rows = halfSources({ name: 'cifarnet', classes, inputShape, microBatch });
  t.deepEqual(
    rows.map(({ firstBlock, lastBlock }) => [firstBlock, lastBlock]),
    [
      [0, 3],
      [4, 6],
    ],
  );
  const { measurer, asked, clock } = imaginedMeasurer();
  const first = await calibrate(measurer, { ...asking, clock, blocks, mostBlocks: 3, rows });
  t.deepEqual(
    first.measurements
      .filter((row) => row.lastBlock > row.firstBlock && row.pass === 'forward')
      .map((row) => row.lastBlock),
    [3, 6],
  );
  t.is(asked.length, probeNames.length + 3 + 2);
  await calibrate(measurer, { ...asking, clock, rows, known: first });
  t.is(asked.length, probeNames.length + 3 + 2);
  const slow = imaginedMeasurer(1.2);
  const { measurements } = await calibrate(slow.measurer, {
    ...asking,
    clock: slow.clock,
    blocks,
    mostBlocks: 3,
    rows,
  });
  t.true(measurements.every((row) => row.lastBlock === row.firstBlock));
});

test('a measurement is the median of its windows, with the distance of the quartiles', async (t) => {
  const { measurer, clock } = imaginedMeasurer();
  const { measurements } = await calibrate(measurer, { ...asking, clock });
  const [first] = measurements;
  const work = worksOf(first!, options).find(({ pass }) => pass === first!.pass)!;
  t.is(first!.seconds, trueSeconds(board, work));
  t.true(first!.spread > 0.1);
});

test('with several threads some probes are run at one as well', async (t) => {
  const { measurer, asked, clock } = imaginedMeasurer();
  await calibrate(measurer, { ...asking, threads: 4, clock });
  t.deepEqual(new Set(asked.map(({ threads }) => threads)), new Set([4, 1]));
});

test('a small budget ends the probe early, with the most telling ones measured, and leaves time for blocks', async (t) => {
  const { measurer, asked, clock } = imaginedMeasurer(1);
  const profile = await calibrate(measurer, { ...asking, budgetSeconds: 10, clock, blocks, mostBlocks: 2 });
  t.is(asked[0]!.model, `probe/${probeNames[0]}`);
  t.true(asked.filter((each) => each.model.startsWith('probe/')).length <= 6);
  t.is(asked.filter((each) => each.model === 'cifarnet').length, 2);
  t.true(profile.seconds <= 10);
});

test('a board that gets hot gives up the rest and says so', async (t) => {
  const { measurer, asked, clock } = imaginedMeasurer();
  const profile = await calibrate(measurer, { ...asking, clock, isHot: () => asked.length >= 2 });
  t.is(profile.ended, 'hot');
  t.true(measurer.stopped);
  t.is(asked.length, 2);
  t.true(profile.measurements.length > 0);
});

test('a board that is hot from the start measures nothing, which has a name', async (t) => {
  const { measurer, clock } = imaginedMeasurer();
  const error = await t.throwsAsync(calibrate(measurer, { ...asking, clock, isHot: () => true }), { message: /hot/ });
  t.like(error, { code: 'CALIBRATION_EMPTY' });
});

test('an interrupted calibration keeps what it has', async (t) => {
  const { measurer, asked, clock } = imaginedMeasurer();
  const interrupt = new AbortController();
  const profile = await calibrate(measurer, {
    ...asking,
    clock,
    signal: interrupt.signal,
    progress: () => {
      if (asked.length === 4) interrupt.abort();
    },
  });
  t.is(profile.ended, 'interrupted');
  t.true(asked.length <= 5);
});

test('a profile is kept by board and engine, replaced in full, and not found for another engine', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-profiles-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const { measurer, clock } = imaginedMeasurer();
  const profile = await calibrate(measurer, { ...asking, clock });
  await saveProfile(directory, profile);
  await saveProfile(directory, { ...profile, seconds: 1 });
  t.deepEqual(await loadProfile(directory, 'pi-1', profile.engine), { ...profile, seconds: 1 });
  t.is(await loadProfile(directory, 'pi-1', { ...profile.engine, version: '9.9.9' }), undefined);
  t.is(await loadProfile(directory, 'pi-2', profile.engine), undefined);
  t.deepEqual(await readdir(directory), ['pi-1-onnxruntime-1.30.0.json']);
  await writeFile(profilePath(directory, 'pi-1', profile.engine), '{"format":');
  const error = await t.throwsAsync(loadProfile(directory, 'pi-1', profile.engine));
  t.like(error, { code: 'PREDICTOR_TRUNCATED', exitCode: 2 });
});

test('this machine measures itself in a thread of its own, within a small budget', async (t) => {
  const measurer = await startMeasurer(AbortSignal.timeout(30_000));
  try {
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const profile = await calibrate(measurer, {
      board: 'here',
      threads: 1,
      budgetSeconds: 3,
      predictor,
      model,
      blocks: [{ model: 'mlp', classes: 10, inputShape: [3, 32, 32], firstBlock: 1, lastBlock: 1, microBatch: 4 }],
    });
    clearInterval(timer);
    t.true(profile.measurements.length >= 3);
    t.true(profile.measurements.every(({ seconds, spread }) => seconds > 0 && spread >= 0));
    t.true(profile.copyBytesPerSecond > 1e8);
    t.true(profile.seconds < 10, `${profile.seconds}`);
    t.is(profile.engine.name, 'onnxruntime');
    t.true(longest < 2000, `the main thread was not free for ${longest} ms`);
  } finally {
    await measurer.close();
  }
});
