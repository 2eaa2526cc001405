import test from 'ava';
import { whenThereIsSpace } from '../../../cli/train/disk.ts';

const full = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
const patience = (say: (line: string) => void) => ({ seconds: 60, say, signal: new AbortController().signal });

test('what the full disk does not take is written when there is space, and both are said', async (t) => {
  const said: string[] = [];
  let attempts = 0;
  const write = async () => {
    attempts += 1;
    // As a checkpoint says it.
    if (attempts === 1) throw new Error('the checkpoint could not be written', { cause: full() });
    return 'checkpoint';
  };
  t.is(
    await whenThereIsSpace(
      'the checkpoint of step 4',
      write,
      patience((line) => said.push(line)),
    ),
    'checkpoint',
  );
  t.regex(said[0]!, /The disk is full: the checkpoint of step 4 waits for space, for 60 s at most/);
  t.regex(said[1]!, /space on the disk again: the checkpoint of step 4 is written/);
});

test('what cannot be written for another reason is not tried again', async (t) => {
  const denied = Object.assign(new Error('permission denied'), { code: 'EACCES' });
  const write = () => Promise.reject(denied);
  const error = await t.throwsAsync(whenThereIsSpace('it', write, patience(t.fail)));
  t.is(error, denied);
});
