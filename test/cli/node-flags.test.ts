import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { NODE_FLAGS } from '../../cli/processes/node-flags.ts';

test('a board that is started by hand gets the flags of one that is started for a run', async (t) => {
  const program = join(import.meta.dirname, '..', '..', 'cli', 'flotilla.js');
  const [first] = (await readFile(program, 'utf8')).split('\n');
  t.is(first, `#!/usr/bin/env -S node ${NODE_FLAGS.join(' ')}`);
});
