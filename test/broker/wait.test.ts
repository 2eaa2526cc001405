import { getEventListeners } from 'node:events';
import test from 'ava';
import { unlessAborted } from '../../broker/index.ts';

test('work settles as it would alone, and leaves nothing at the signal', async (t) => {
  const { signal } = new AbortController();
  t.is(await unlessAborted(Promise.resolve(7), signal), 7);
  await t.throwsAsync(unlessAborted(Promise.reject(new Error('it failed')), signal), { message: 'it failed' });
  t.deepEqual(getEventListeners(signal, 'abort'), []);
});

test("work that is not done ends with the signal's reason, before and after it was aborted", async (t) => {
  const ending = new AbortController();
  const waiting = unlessAborted(new Promise(() => {}), ending.signal);
  ending.abort(new Error('the link is lost'));
  await t.throwsAsync(waiting, { message: 'the link is lost' });
  await t.throwsAsync(unlessAborted(new Promise(() => {}), ending.signal), { message: 'the link is lost' });
});
