import test from 'ava';
import { SampleShelf } from '../../../agent/board/sample-shelf.ts';
import type { Plan } from '../../../planner/index.ts';

const { signal } = new AbortController();
const planOf = (batch: number) => ({ batch, seed: 1, data: { name: 'shapes', options: {} } }) as unknown as Plan;

/** A shelf, and how often data was opened. */
function aShelf() {
  let opened = 0;
  const shelf = new SampleShelf(async () => {
    opened += 1;
    return { read: () => ({ images: new Float32Array(), labels: new Int32Array() }) };
  });
  return { shelf, opened: () => opened };
}

test('samples are opened once for all stages that read the same, also one after another', async (t) => {
  const { shelf, opened } = aShelf();
  const first = await shelf.open(planOf(8), signal);
  t.is(await shelf.open(planOf(8), signal), first);
  shelf.release(first);
  t.is(await shelf.open(planOf(8), signal), first);
  t.is(opened(), 1);
  shelf.close();
});

test('other batches are other samples, and what is released late does not take their place', async (t) => {
  const { shelf, opened } = aShelf();
  const first = await shelf.open(planOf(8), signal);
  const other = await shelf.open(planOf(16), signal);
  t.not(other, first);
  shelf.release(first);
  t.is(await shelf.open(planOf(16), signal), other);
  t.is(opened(), 2);
  shelf.close();
});

test('data that cannot be opened is tried anew', async (t) => {
  const shelf = new SampleShelf(() => Promise.reject(new Error('it is not there')));
  for (const _ of [1, 2]) await t.throwsAsync(shelf.open(planOf(8), signal), { message: 'it is not there' });
});
