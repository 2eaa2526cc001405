import test from 'ava';
import { EngineShelf } from '../../../agent/board/engine-shelf.ts';
import { startMeasurer, startWorkerEngine } from '../../../agent/index.ts';

const { signal } = new AbortController();
const closed = { code: 'ENGINE_CLOSED' };

test('an engine that was given back is the next that is taken; a spare one only beside another', async (t) => {
  const shelf = new EngineShelf();
  const engines = await Promise.all([shelf.take(signal), shelf.take(signal), shelf.take(signal)]);
  for (const engine of engines) await shelf.giveBack(engine);
  await t.throwsAsync(engines[2]!.getState(0), closed);
  t.is(await shelf.take(signal), engines[0]);
  const another = await shelf.take(signal);
  t.false(engines.includes(another));
  t.is(await shelf.take(signal, {}), engines[1]);
  for (const engine of [engines[0]!, engines[1]!, another]) await shelf.giveBack(engine);
  await shelf.close();
  for (const engine of engines) await t.throwsAsync(engine.getState(0), closed);
});

test('what is given back to a shelf that is closed ends, and so does an engine that cannot free its stage', async (t) => {
  const shelf = new EngineShelf();
  const engine = await startWorkerEngine(signal);
  const broken = { ...engine, unload: () => Promise.reject(new Error('it broke')) };
  await t.throwsAsync(shelf.giveBack(broken), { message: 'it broke' });
  await t.throwsAsync(engine.getState(0), closed);
  await shelf.close();
  const late = await startWorkerEngine(signal);
  await shelf.giveBack(late);
  await t.throwsAsync(late.getState(0), closed);
});

test('the thread that a board has measured itself in becomes a spare engine', async (t) => {
  const shelf = new EngineShelf();
  const measurer = await startMeasurer(signal);
  await measurer.copy(0.01);
  await shelf.keepSpare(measurer.becomeEngine());
  await shelf.keepSpare(Promise.reject(new Error('it came to nothing')));
  const engine = await shelf.take(signal, { yields: false });
  t.is(engine.name, measurer.engine.name);
  await t.throwsAsync(engine.getState(0), { code: 'ENGINE_NOT_LOADED' });
  await shelf.giveBack(engine);
  await shelf.close();
});
