import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  type Checkpoint,
  CheckpointCorruptError,
  CheckpointError,
  CheckpointMismatchError,
  CheckpointMissingError,
  CheckpointModelError,
  CheckpointTruncatedError,
  CheckpointVersionError,
  CheckpointWriteError,
  latestCheckpoint,
  listCheckpoints,
  parametersOf,
  readCheckpoint,
  writeCheckpoint,
} from '../../agent/checkpoint/index.ts';
import { buildModel, randomStream } from '../../models/index.ts';
import { runState, tensorsOf } from './checkpoint-writer.ts';

async function directoryFor(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-checkpoint-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const checkpoint = (step = 40): Checkpoint => ({ state: runState({ step }), tensors: tensorsOf(step) });
const tensorsBeside = (path: string) => path.replace(/json$/, 'safetensors');

/** Every value by its bits, so that NaN and −0 count. */
const bitsOf = (tensors: Checkpoint['tensors']) =>
  [...tensors].map(([name, { shape, data }]) => [name, shape, [...new Uint32Array(data.slice().buffer)]]);

async function refusal(t: ExecutionContext, path: string): Promise<CheckpointError> {
  const error: unknown = await readCheckpoint(path).catch((caught: unknown) => caught);
  if (!(error instanceof CheckpointError)) throw new Error(`'${path}' was not refused: ${error}`);
  t.is(error.exitCode, 2);
  return error;
}

test('what is written is read: the state, and every tensor bit for bit', async (t) => {
  const directory = await directoryFor(t);
  const path = await writeCheckpoint(directory, checkpoint());
  const read = await readCheckpoint(path);
  t.deepEqual(read.state, runState());
  t.deepEqual(bitsOf(read.tensors), bitsOf(tensorsOf(40)));
  t.is(read.path, path);
});

test('tensors larger than what is written at once, without values, or none at all are read as they were', async (t) => {
  const directory = await directoryFor(t);
  const large = new Float32Array(700_000);
  randomStream(1, 'large').fillNormal(large, 0, 1);
  const tensors = new Map([
    ['empty', { shape: [0, 3], data: new Float32Array(0) }],
    ['large', { shape: [700_000], data: large }],
    ['__proto__', { shape: [1], data: Float32Array.of(1) }],
    ['nothing', { shape: [0], data: new Float32Array(0) }],
  ]);
  for (const written of [tensors, new Map()]) {
    const { tensors: read } = await readCheckpoint(
      await writeCheckpoint(directory, { state: runState(), tensors: written }),
    );
    t.deepEqual([...read.keys()].sort(), [...written.keys()].sort());
    for (const [name, { data }] of written)
      t.true(Buffer.from(read.get(name)!.data.buffer).equals(Buffer.from(data.buffer)));
  }
});

test('every tensor has a buffer of its own, which may be handed to another thread', async (t) => {
  const { tensors } = await readCheckpoint(await writeCheckpoint(await directoryFor(t), checkpoint()));
  structuredClone(tensors.get('fc.bias')!.data, { transfer: [tensors.get('fc.bias')!.data.buffer] });
  t.is(tensors.get('fc.weight')!.data[0], 40);
});

test('the tensor file has the bytes that the safetensors format says', async (t) => {
  const state = runState({ run: 'r', step: 1, model: { name: 'mlp', classes: 3, inputShape: [4] } });
  const tensors = new Map([['w', { shape: [2, 1], data: Float32Array.of(1, -2) }]]);
  const path = await writeCheckpoint(await directoryFor(t), { state, tensors });
  const header =
    '{"__metadata__":{"format":"pt","run":"r","step":"1","model":"mlp"},' +
    '"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}      ';
  const expected = Buffer.concat([
    Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]),
    Buffer.from(header),
    Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]),
  ]);
  t.is(header.length % 8, 0);
  t.deepEqual(await readFile(tensorsBeside(path)), expected);
});

test('parameters are told from optimizer state by their names', (t) => {
  t.deepEqual([...parametersOf(tensorsOf(1)).keys()], ['fc.weight', 'fc.bias', 'count']);
});

test('the last three checkpoints stay, or as many as asked for, and the newest is the latest', async (t) => {
  const directory = await directoryFor(t);
  const stepsLeft = async () => {
    const paths = await listCheckpoints(directory);
    return Promise.all(paths.map(async (path) => (await readCheckpoint(path)).state.step));
  };
  for (const step of [10, 20, 30, 40]) await writeCheckpoint(directory, checkpoint(step));
  t.deepEqual(await stepsLeft(), [20, 30, 40]);
  await writeCheckpoint(directory, checkpoint(50), { keep: 1 });
  t.deepEqual(await stepsLeft(), [50]);
  t.is((await readdir(directory)).length, 2);
});

test('a run that was resumed from an earlier step has its newest checkpoint taken, not that of the highest step', async (t) => {
  const directory = await directoryFor(t);
  for (const step of [100, 200, 20, 200, 40]) await writeCheckpoint(directory, checkpoint(step));
  t.is((await readCheckpoint(directory)).state.step, 40);
  t.is((await listCheckpoints(directory)).length, 3);
});

test('checkpoints of another run in the same directory are neither counted nor removed', async (t) => {
  const directory = await directoryFor(t);
  const other = await writeCheckpoint(directory, { state: runState({ run: 'other' }), tensors: tensorsOf(1) });
  for (const step of [1, 2, 3, 4]) await writeCheckpoint(directory, checkpoint(step), { keep: 2 });
  t.is((await listCheckpoints(directory)).length, 3);
  t.is((await readCheckpoint(other)).state.run, 'other');
});

test('a directory without checkpoints has no latest one, and reading it says so', async (t) => {
  const directory = await directoryFor(t);
  t.is(await latestCheckpoint(directory), undefined);
  t.is(await latestCheckpoint(join(directory, 'missing')), undefined);
  for (const path of [directory, join(directory, 'missing'), join(directory, 'checkpoint-00001-step-1.json')]) {
    const error = await refusal(t, path);
    t.true(error instanceof CheckpointMissingError && error.message.includes(path));
  }
});

test('the tensor file may be named instead of the JSON file', async (t) => {
  const path = await writeCheckpoint(await directoryFor(t), checkpoint());
  t.is((await readCheckpoint(tensorsBeside(path))).path, path);
});

/** Makes a file of the checkpoint shorter byte by byte: each time it is refused with its name and the byte it ends at. */
async function truncateEverywhere(t: ExecutionContext, path: string, file: string): Promise<void> {
  const { size } = await stat(file);
  for (let byte = size - 1; byte >= 0; byte--) {
    await truncate(file, byte);
    const error = await readCheckpoint(path).catch((caught: unknown) => caught);
    if (!(error instanceof CheckpointTruncatedError) || error.file !== file || error.byte !== byte)
      t.fail(`at ${byte}: ${error}`);
  }
}

test('a tensor file truncated at any byte is refused with its name and that byte', async (t) => {
  const path = await writeCheckpoint(await directoryFor(t), checkpoint());
  const file = tensorsBeside(path);
  await truncateEverywhere(t, path, file);
  t.regex((await refusal(t, path)).message, /is truncated: it ends at byte 0, and \d+ bytes were written/);
});

test('a JSON file truncated at any byte is refused with its name and that byte', async (t) => {
  const path = await writeCheckpoint(await directoryFor(t), checkpoint());
  await truncateEverywhere(t, path, path);
  t.pass();
});

test('a change of any single byte of either file is refused', async (t) => {
  const path = await writeCheckpoint(await directoryFor(t), checkpoint());
  for (const file of [path, tensorsBeside(path)]) {
    const original = await readFile(file);
    for (let byte = 0; byte < original.length; byte++) {
      const changed = Buffer.from(original);
      changed[byte]! ^= 1 << (byte % 7);
      await writeFile(file, changed);
      const result = await readCheckpoint(path).catch((caught: unknown) => caught);
      // White space between JSON's words says nothing, so a change from one to another is none.
      const isHarmless = file === path && /^\s\s$/.test(String.fromCharCode(original[byte]!, changed[byte]!));
      if (!(result instanceof CheckpointError) && !isHarmless) t.fail(`byte ${byte} of ${file}: ${result}`);
    }
    await writeFile(file, original);
  }
  t.is((await readCheckpoint(path)).state.step, 40);
});

test('random bytes in place of either file are refused', async (t) => {
  const path = await writeCheckpoint(await directoryFor(t), checkpoint());
  const stream = randomStream(3, 'garbage');
  for (const file of [path, tensorsBeside(path)]) {
    const original = await readFile(file);
    for (let round = 0; round < 300; round++) {
      const length = round % 2 === 0 ? original.length : stream.integer(2 * original.length);
      const kept = stream.integer(40);
      const garbage = Buffer.alloc(length).map((_, byte) =>
        byte < kept ? (original[byte] ?? 0) : stream.integer(256),
      );
      await writeFile(file, garbage);
      const result = await readCheckpoint(path).catch((caught: unknown) => caught);
      if (!(result instanceof CheckpointError)) t.fail(`round ${round}: ${result}`);
    }
    await writeFile(file, original);
  }
  t.pass();
});

test('tensors of another step, run or model beside the state are refused, and both values are named', async (t) => {
  const cases = [
    [runState({ step: 41 }), /is of step 40, but its tensors in '.*' are of step 41/],
    [runState({ run: 'run-2' }), /is of run run-1, but .* run run-2/],
    [runState({ model: { ...runState().model, name: 'cnn' } }), /is of model mlp, but .* model cnn/],
  ] as const;
  for (const [state, problem] of cases) {
    const path = await writeCheckpoint(await directoryFor(t), checkpoint());
    const other = await writeCheckpoint(await directoryFor(t), { state, tensors: tensorsOf(40) });
    await copyFile(tensorsBeside(other), tensorsBeside(path));
    const error = await refusal(t, path);
    t.true(error instanceof CheckpointMismatchError);
    t.regex(error.message, problem);
  }
});

test('a state whose tensors are gone is refused', async (t) => {
  const path = await writeCheckpoint(await directoryFor(t), checkpoint());
  await rm(tensorsBeside(path));
  const error = await refusal(t, path);
  t.true(error instanceof CheckpointMissingError && error.message.includes(tensorsBeside(path)));
});

test('a version that is not known is refused before anything else is looked at', async (t) => {
  const path = await writeCheckpoint(await directoryFor(t), checkpoint());
  await writeFile(path, '{\n  "version": 2,\n  "new": "form"\n}\n');
  const error = await refusal(t, path);
  t.true(error instanceof CheckpointVersionError);
  t.regex(error.message, /version 2; this Flotilla reads version 1/);
});

test('a state that was edited by hand is refused', async (t) => {
  const path = await writeCheckpoint(await directoryFor(t), checkpoint());
  const edited = (await readFile(path, 'utf8')).replace('"seed": 7', '"seed": 8');
  await writeFile(path, edited);
  const error = await refusal(t, path);
  t.true(error instanceof CheckpointCorruptError);
  t.regex(error.message, /it was altered/);
});

test('a checkpoint of another model, or of the model in another shape, is refused', async (t) => {
  const path = await writeCheckpoint(await directoryFor(t), checkpoint());
  await t.notThrowsAsync(readCheckpoint(path, { expect: { model: 'mlp' } }));
  await t.throwsAsync(readCheckpoint(path, { expect: { model: 'resnet18' } }), {
    instanceOf: CheckpointModelError,
    message: /is a checkpoint of model 'mlp', not of 'resnet18'\. Give --model mlp/,
  });
  const { parameters } = buildModel('mlp', { batch: 1, classes: 3, inputShape: [2, 2] }).graph;
  await t.throwsAsync(readCheckpoint(path, { expect: { parameters } }), {
    instanceOf: CheckpointModelError,
    message: /parameter 'fc1.weight' of shape \[256, 4\] is not there/,
  });
  const bias = { name: 'fc.bias', type: { dataType: 'float32', shape: [4] } } as const;
  await t.throwsAsync(readCheckpoint(path, { expect: { parameters: [bias] } }), {
    message: /'fc.bias' of shape \[4\] is of shape \[3\]/,
  });
});

test('a crash between writing and renaming leaves the checkpoint before it as the latest, and the next write cleans up', async (t) => {
  const directory = await directoryFor(t);
  const first = await writeCheckpoint(directory, checkpoint(10));
  for (const crashed of ['tensors', 'state'] as const) {
    const path = await writeCheckpoint(directory, checkpoint(20));
    // What is on the disk when the process dies just before the rename of one file: that file under its partial name.
    if (crashed === 'tensors') await rm(path);
    const last = crashed === 'tensors' ? tensorsBeside(path) : path;
    await rename(last, `${last}.partial`);
    t.is(await latestCheckpoint(directory), first);
    t.is((await readCheckpoint(directory)).state.step, 10);
  }
  await writeCheckpoint(directory, checkpoint(30));
  t.is((await readdir(directory)).length, 4);
  t.is((await readCheckpoint(directory)).state.step, 30);
});

test.serial('a writer that is killed at any moment leaves a checkpoint that can be read', async (t) => {
  const directory = await directoryFor(t);
  const stream = randomStream(9, 'kill');
  let steps = 0;
  for (let round = 0; round < 8; round++) {
    const writer = spawn(process.execPath, [join(import.meta.dirname, 'checkpoint-writer.ts'), directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(writer.stdout, 'data', { signal: AbortSignal.timeout(30_000) });
    await new Promise((resolve) => setTimeout(resolve, 20 + stream.integer(150)));
    writer.kill('SIGKILL');
    await once(writer, 'exit', { signal: AbortSignal.timeout(30_000) });
    if ((await latestCheckpoint(directory)) === undefined) continue;
    for (const path of await listCheckpoints(directory)) {
      const { state, tensors } = await readCheckpoint(path);
      t.true(tensors.get('fc.weight')!.data.every((value) => value === state.step));
      steps += 1;
    }
  }
  t.true(steps > 0);
});

test('a write that is aborted leaves nothing behind, and the checkpoint before it stays', async (t) => {
  const directory = await directoryFor(t);
  await writeCheckpoint(directory, checkpoint(10));
  const before = await readdir(directory);
  const abort = new AbortController();
  const tensors = new Map([['w', { shape: [4_000_000], data: new Float32Array(4_000_000) }]]);
  const writing = writeCheckpoint(directory, { state: runState(), tensors }, { signal: abort.signal });
  setImmediate(() => abort.abort(new Error('stop')));
  await t.throwsAsync(writing, { message: 'stop' });
  t.deepEqual(await readdir(directory), before);
});

test('a directory that cannot be written to is named in the error', async (t) => {
  const directory = await directoryFor(t);
  const file = join(directory, 'file');
  await writeFile(file, '');
  await t.throwsAsync(writeCheckpoint(file, checkpoint()), {
    instanceOf: CheckpointWriteError,
    message: /file' could not/,
  });
  await symlink('/dev/full', join(directory, 'checkpoint-00001-step-40.safetensors.partial'));
  const error = await t.throwsAsync(writeCheckpoint(directory, checkpoint()), { instanceOf: CheckpointWriteError });
  t.regex(error!.message, /ENOSPC/);
  t.deepEqual(await readdir(directory), ['file']);
});

test('a state that JSON cannot say is refused when it is written', async (t) => {
  const directory = await directoryFor(t);
  const state = runState({ losses: [1, Number.NaN] });
  await t.throwsAsync(writeCheckpoint(directory, { state, tensors: tensorsOf(1) }), {
    message: /losses\[1\]' is null/,
  });
  t.deepEqual(await readdir(directory), []);
});
