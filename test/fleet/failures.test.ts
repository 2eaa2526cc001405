import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { inTemporaryDirectory, runFlotilla, startFlotilla } from './helpers.ts';

/** Process ids of the children of a process, from /proc. */
async function childrenOf(parent: number): Promise<number[]> {
  const found: number[] = [];
  for (const entry of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    // The command's name is in brackets and may hold spaces; the parent is the second field after it.
    if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent) found.push(Number(entry));
  }
  return found;
}

test.serial("a board's process that is killed ends the run with its name", async (t) => {
  t.timeout(120_000);
  await inTemporaryDirectory(async (root) => {
    const run = startFlotilla(
      ['train', '--model', 'mlp', '--steps', '5000', '--boards', '2', '--out', join(root, 'out'), '--json'],
      100_000,
    );
    await run.said(/samples\/s/);
    const [board] = await childrenOf(run.pid);
    process.kill(board!, 'SIGKILL');
    const { code, stderr } = await run.ended;
    t.is(code, 1, stderr);
    t.regex(stderr, /error: .*board[12]/);
  });
});

const badInput: Readonly<Record<string, readonly [args: string, message: RegExp]>> = {
  'an unknown model': ['--model mpl', /mpl/],
  'an unknown option': ['--modell mlp', /--modell/],
  'a data directory that is missing': ['--model mlp --data ROOT/missing', /missing/],
  'more boards than blocks': ['--model mlp --boards 40', /40/],
  'a batch that the micro-batches do not divide': ['--model mlp --batch 10 --micro-batches 4', /10.*4/s],
  'a model whose input the data do not fit': ['--model harcnn --data shapes', /3.*32.*32/s],
};

for (const [what, [args, message]] of Object.entries(badInput)) {
  test.serial(`${what}: exit code 2, a message with the value, and nothing left behind`, async (t) => {
    await inTemporaryDirectory(async (root) => {
      const words = args.replace('ROOT', root).split(' ');
      const { code, stderr } = await runFlotilla(['train', ...words, '--steps', '1', '--out', join(root, 'out')]);
      t.is(code, 2, stderr);
      t.regex(stderr, message);
      t.deepEqual(await readdir(root), []);
    });
  });
}

test.serial('eval of a file that is not ONNX: exit code 2, and the file is named', async (t) => {
  await inTemporaryDirectory(async (root) => {
    const file = join(root, 'model.onnx');
    await writeFile(file, 'this is no model');
    const { code, stderr } = await runFlotilla(['eval', file]);
    t.is(code, 2, stderr);
    t.regex(stderr, /model\.onnx/);
  });
});
