import { mkdtempSync } from 'node:fs';
import { cp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { cifarRecords, temporaryDirectory, writeCifar10 } from '../agent/data/fixtures.ts';
import { startFlotilla } from '../fleet/helpers.ts';
import { directoryFor, flotilla, reportOf } from './support.ts';

/** Names and sizes of all files below a directory. */
async function filesOf(directory: string): Promise<Readonly<Record<string, number>>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(await Promise.all(files.sort().map(async (file) => [file, (await stat(file)).size])));
}

/** Runs a command that has to be refused: exit code 2, one line of error that says it, and no file made or changed. */
async function refused(
  t: ExecutionContext,
  directory: string,
  args: readonly string[],
  code: string,
  says: readonly RegExp[],
): Promise<void> {
  const before = await filesOf(directory);
  const ended = await flotilla(t, directory, ...args, '--json');
  t.is(ended.exitCode, 2, ended.stderr);
  t.notRegex(ended.stderr, /\n {4}at /, 'no stack trace');
  const { error } = reportOf(ended) as { error: { code: string; message: string } };
  t.is(error.code, code, error.message);
  for (const pattern of says) t.regex(error.message, pattern);
  t.deepEqual(await filesOf(directory), before);
}

const badData: Readonly<
  Record<string, readonly [spoil: (directory: string) => Promise<void>, code: string, says: readonly RegExp[]]>
> = {
  'a truncated CIFAR-10 file is named with its byte': [
    (directory) => truncate(join(directory, 'data_batch_2.bin'), 3073 * 4 + 100),
    'DATA_TRUNCATED',
    [/data_batch_2\.bin' is truncated: it ends at byte 12392/],
  ],
  'a truncated file of test data is named with its byte before anything is trained': [
    (directory) => truncate(join(directory, 'test_batch.bin'), 3072),
    'DATA_TRUNCATED',
    [/test_batch\.bin' is truncated: it ends at byte 3072/],
  ],
  'a label out of range is named with its file and record': [
    (directory) => writeFile(join(directory, 'data_batch_2.bin'), cifarRecords([0, 1, 10, 3])),
    'DATA_LABEL_OUT_OF_RANGE',
    [/data_batch_2\.bin', record 2: label 10 /],
  ],
  'data of another format are refused with what there is and what is known': [
    async (directory) => {
      for (const name of await readdir(directory)) await rm(join(directory, name));
      await writeFile(join(directory, 'weights.parquet'), 'x');
    },
    'DATA_FORMAT_UNKNOWN',
    [/weights\.parquet/, /CIFAR-10/],
  ],
};

for (const [title, [spoil, code, says]] of Object.entries(badData)) {
  test.serial(title, async (t) => {
    const data = await temporaryDirectory(t);
    await writeCifar10(data);
    await spoil(data);
    const directory = await directoryFor(t);
    await refused(t, directory, ['train', '--model', 'mlp', '--data', data, '--out', 'out'], code, says);
  });
}

test.serial('an agent whose fleet file has an unknown key names it with its line', async (t) => {
  const directory = await directoryFor(t);
  await flotilla(t, directory, 'fleet', 'init', 'shed');
  const file = join(directory, 'fleets', 'shed.yaml');
  const agent = ['agent', '--fleet', 'shed', '--id', 'board1'];
  await writeFile(file, `${await readFile(file, 'utf8')}colour: red\n`);
  await refused(t, directory, agent, 'FLEET_FILE_INVALID', [/shed\.yaml, line \d+: unknown key "colour"/]);
});

/** A run of 4 steps that ended well, made once. */
const finished = mkdtempSync(join(tmpdir(), 'flotilla-bad-input-'));

test.before(async (t) => {
  t.timeout(120_000);
  const words = ['train', '--model', 'mlp', '--batch', '16', '--micro-batches', '2', '--boards', '1', '--steps', '4'];
  const { code, stderr } = await startFlotilla([...words, '--out', finished]).ended;
  t.is(code, 0, stderr);
});

test.after.always(() => rm(finished, { recursive: true, force: true }));

/** A copy of the run in which one file of its checkpoint was changed. */
async function withSpoiled(
  t: ExecutionContext,
  kind: 'json' | 'safetensors',
  spoil: (file: string) => Promise<void>,
): Promise<string> {
  const directory = await directoryFor(t);
  await cp(finished, join(directory, 'run'), { recursive: true });
  const checkpoints = join(directory, 'run', 'checkpoints');
  const name = (await readdir(checkpoints)).find((file) => file.endsWith(kind))!;
  await spoil(join(checkpoints, name));
  return directory;
}

const resume = ['train', '--resume', 'run'];

for (const kind of ['json', 'safetensors'] as const) {
  test.serial(`a checkpoint whose .${kind} is truncated is not resumed from: file and byte are named`, async (t) => {
    const directory = await withSpoiled(t, kind, (file) => truncate(file, 700));
    const says = new RegExp(`run/checkpoints/checkpoint-00001-step-4\\.${kind}' is truncated: it ends at byte 700`);
    await refused(t, directory, resume, 'CHECKPOINT_TRUNCATED', [says]);
    const out = ['export', '--run', 'run', '--out', 'again.onnx'];
    await refused(t, directory, out, 'CHECKPOINT_TRUNCATED', [says]);
  });
}

test.serial('a checkpoint in which a byte was changed is not resumed from: the file is named', async (t) => {
  const directory = await withSpoiled(t, 'safetensors', async (file) => {
    const bytes = await readFile(file);
    bytes[bytes.length - 9]! ^= 1;
    await writeFile(file, bytes);
  });
  const says = [/checkpoint-00001-step-4\.safetensors' is damaged/];
  await refused(t, directory, resume, 'CHECKPOINT_CORRUPT', says);
});

test.serial('a checkpoint of another model is not resumed from: the file and both models are named', async (t) => {
  const directory = await directoryFor(t);
  await cp(finished, join(directory, 'run'), { recursive: true });
  await refused(t, directory, [...resume, '--model', 'resnet18'], 'RESUME_MISMATCH', [
    /--model resnet18 .*run\/checkpoints\/checkpoint-00001-step-4\.json' is of one with mlp/,
  ]);
});
