import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { blockRuns, splitEnds } from '../../cli/train/split.ts';
import { directoryFor, flotilla } from './support.ts';

const boards = ['a', 'b', 'c'];
const option = blockRuns('the blocks');

test('runs of blocks are read, and one block may stand alone', (t) => {
  t.deepEqual(option.read('0-2,3,4-9'), [
    { first: 0, last: 2 },
    { first: 3, last: 3 },
    { first: 4, last: 9 },
  ]);
  t.deepEqual(splitEnds(option.read('0-2,3,4-9')!, boards, 10), [3, 4, 10]);
});

for (const text of ['', '0-', '0-2,', 'a-b', '0-2;3-4', '-1', '0.5']) {
  test(`'${text}' is no split`, (t) => t.is(option.read(text), undefined));
}

const bad: readonly (readonly [title: string, text: string, says: RegExp])[] = [
  ['too few boards', '0-4,5-9', /2 boards, but there are 3: a, b, c/],
  ['a block that nobody holds', '0-2,4,5-9', /block 3 to nobody: 4-4 of b/],
  ['a first block that nobody holds', '1-2,3,4-9', /block 0 to nobody/],
  ['a block that two hold', '0-3,3,4-9', /block 3 to two boards/],
  ['a run backwards', '0-2,4-3,5-9', /4-3 of b/],
  ['blocks that are left over', '0-2,3,4-8', /ends at block 8.*0 to 9/],
  ['blocks that the model has not', '0-2,3,4-10', /ends at block 10.*0 to 9/],
];

for (const [title, text, says] of bad) {
  test(`${title}: the split is refused`, (t) => {
    const error = t.throws(() => splitEnds(option.read(text)!, boards, 10), { message: says });
    t.like(error, { code: 'SPLIT', exitCode: 2 });
  });
}

test.serial('train --split shares the blocks out as asked, and refuses what the model has not', async (t) => {
  const directory = await directoryFor(t);
  const run = ['train', '--model', 'mlp', '--batch', '16', '--micro-batches', '2', '--steps', '2', '--boards', '2'];
  const ended = await flotilla(t, directory, ...run, '--split', '0-2,3', '--out', 'out');
  t.is(ended.exitCode, 0, ended.stderr);
  const { plan } = JSON.parse(await readFile(join(directory, 'out', 'run.json'), 'utf8')) as {
    plan: { stages: readonly { firstBlock: number; lastBlock: number }[] };
  };
  t.deepEqual(
    plan.stages.map(({ firstBlock, lastBlock }) => [firstBlock, lastBlock]),
    [
      [0, 2],
      [3, 3],
    ],
  );
  const refused = await flotilla(t, directory, ...run, '--split', '0-2,3-9', '--out', 'other');
  t.is(refused.exitCode, 2);
  t.regex(refused.stderr, /ends at block 9, but the model has blocks 0 to 3.*\[SPLIT\]/);
});
