import test from 'ava';
import { measureCodec } from '../../../agent/index.ts';

test('what a byte costs is told by the clock of a board of less than a core', async (t) => {
  const whole = await measureCodec(4);
  for (const seconds of Object.values(whole)) t.true(Number.isFinite(seconds) && seconds >= 0);
  const tenth = await measureCodec(0.1);
  t.true(Object.values(tenth).every((seconds) => Number.isFinite(seconds)));
});
