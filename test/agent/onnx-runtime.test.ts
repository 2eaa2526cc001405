import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { doors } from '../../agent/engine/onnx-runtime.ts';
import type { OpenSession, Session, Tensor } from '../../agent/engine/ort/session.ts';
import { TensorPool } from '../../agent/engine/tensor-pool.ts';
import { type DataType, encodeOnnx, type OnnxNode, type Port, type Program } from '../../models/index.ts';

const run = promisify(execFile);
const shape = [2, 3];

const port = (name: string, dataType: DataType = 'float32', value = name): Port => ({
  name,
  value,
  layout: 'plain',
  dataType,
  shape,
});
const node = (op: string, inputs: string[], output: string): OnnxNode => ({
  op,
  domain: '',
  name: output,
  inputs,
  outputs: [output],
  attributes: {},
});

function programOf(nodes: readonly OnnxNode[], inputs: readonly Port[], outputs: readonly Port[]): Program {
  const once = (ports: readonly Port[]) => [...new Map(ports.map((each) => [each.name, each])).values()];
  const bytes = encodeOnnx({
    name: 'contract',
    opsets: { '': 17 },
    inputs: once(inputs),
    outputs: once(outputs),
    initializers: [],
    nodes: [...nodes],
    metadata: {},
  });
  return { bytes, inputs, outputs };
}

const sum = programOf([node('Add', ['a', 'b'], 'y')], [port('a'), port('b')], [port('y')]);
const integers = programOf(
  [node('Add', ['a', 'b'], 'y')],
  [port('a', 'int64'), port('b', 'int64')],
  [port('y', 'int64')],
);
const twice = programOf(
  [node('Add', ['a', 'b'], 'y')],
  [port('a'), port('b')],
  [port('y', 'float32', 'first'), port('y', 'float32', 'second')],
);

const floats = (...values: number[]): Tensor => ({ shape, data: Float32Array.from(values) });
const shared = (...values: number[]): Tensor => {
  const data = new Float32Array(new SharedArrayBuffer(4 * values.length));
  data.set(values);
  return { shape, data };
};
const a = floats(1, 2, 3, 4, 5, 6);
const b = shared(10, 20, 30, 40, 50, 60);
const feeds = new Map([
  ['a', a],
  ['b', b],
]);
const sums = [11, 22, 33, 44, 55, 66];

async function withSession<T>(open: OpenSession, program: Program, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await open(program, { threads: 1 });
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}

/** What every way to ONNX Runtime does. */
const contract: Readonly<Record<string, (t: ExecutionContext, open: OpenSession) => Promise<void>>> = {
  'gives an output memory of its own where none is given': (t, open) =>
    withSession(open, sum, async (session) => {
      const { y } = Object.fromEntries(await session.run(feeds));
      t.deepEqual([...y!.data], sums);
      t.deepEqual([...y!.shape], shape);
      await session.run(new Map([...feeds, ['a', floats(0, 0, 0, 0, 0, 0)]]));
      t.deepEqual([...y!.data], sums, 'a later run leaves it alone');
    }),
  'writes an output into the memory that is given': (t, open) =>
    withSession(open, sum, async (session) => {
      const y = shared(0, 0, 0, 0, 0, 0);
      const results = await session.run(feeds, new Map([['y', y]]));
      t.is(results.get('y'), y);
      t.deepEqual([...y.data], sums);
    }),
  'writes an output into the memory of an input': (t, open) =>
    withSession(open, sum, async (session) => {
      const both = shared(1, 2, 3, 4, 5, 6);
      const own = new Map([...feeds, ['a', both]]);
      for (let times = 0; times < 3; times++) await session.run(own, new Map([['y', both]]));
      t.deepEqual([...both.data], [31, 62, 93, 124, 155, 186]);
    }),
  'writes into a part of a larger vector and nowhere else': (t, open) =>
    withSession(open, sum, async (session) => {
      const vector = new Float32Array(10).fill(-1);
      await session.run(feeds, new Map([['y', { shape, data: vector.subarray(2, 8) }]]));
      t.deepEqual([...vector], [-1, -1, ...sums, -1, -1]);
    }),
  'takes the memory of other outputs from the pool': (t, open) =>
    withSession(open, sum, async (session) => {
      const pool = new TensorPool();
      const first = await session.run(feeds, undefined, pool);
      t.deepEqual([...first.get('y')!.data], sums);
      pool.giveBack(first.values());
      const second = await session.run(feeds, undefined, pool);
      t.is(second.get('y')!.data.buffer, first.get('y')!.data.buffer);
    }),
  'reads and writes int64': (t, open) =>
    withSession(open, integers, async (session) => {
      const given = (values: bigint[]): Tensor => ({ shape, data: BigInt64Array.from(values) });
      const large = 2n ** 60n;
      const wide = new Map([
        ['a', given([0n, 1n, -2n, 3n, 4n, large])],
        ['b', given([0n, 1n, 1n, 1n, 1n, large])],
      ]);
      const results = await session.run(wide, undefined, new TensorPool());
      t.deepEqual(results.get('y')!.data, BigInt64Array.from([0n, 2n, -1n, 4n, 5n, 2n * large]));
    }),
  'gives one value to two ports': (t, open) =>
    withSession(open, twice, async (session) => {
      const results = await session.run(feeds);
      t.deepEqual([...results.keys()], ['first', 'second']);
      t.deepEqual([...results.get('first')!.data], sums);
      t.is(results.get('first')!.data.buffer, results.get('second')!.data.buffer);
    }),
  'names an input that is missing': (t, open) =>
    withSession(open, sum, async (session) => {
      await t.throwsAsync(session.run(new Map([['a', a]])), { message: "the program reads 'b', which was not given" });
      t.deepEqual([...(await session.run(feeds)).get('y')!.data], sums, 'and goes on');
    }),
  'refuses values that do not make their shape': (t, open) =>
    withSession(open, sum, async (session) => {
      const short: Tensor = { shape, data: new Float32Array(5) };
      await t.throwsAsync(session.run(new Map([...feeds, ['a', short]])), { message: /5|6/ });
      await t.throwsAsync(session.run(feeds, new Map([['y', short]])), { message: /5|6/ });
    }),
  'passes on what the library refuses': async (t, open) => {
    await t.throwsAsync(open({ ...sum, bytes: Uint8Array.of(1, 2, 3) }, { threads: 1 }), { message: /[Pp]rotobuf/ });
    await withSession(open, sum, async (session) => {
      const square: Tensor = { shape: [3, 3], data: new Float32Array(9) };
      await t.throwsAsync(session.run(new Map([...feeds, ['a', square]])), { message: /invalid dimensions/ });
      await t.throwsAsync(session.run(feeds, new Map([['y', square]])), { message: /invalid dimensions/ });
      t.deepEqual([...(await session.run(feeds)).get('y')!.data], sums, 'and goes on');
    });
  },
  'does not run once it is released': async (t, open) => {
    const session = await open(sum, { threads: 1 });
    await session.release();
    await t.throwsAsync(session.run(feeds));
  },
};

for (const [way, load] of Object.entries(doors)) {
  for (const [title, holds] of Object.entries(contract)) test(`${way}: ${title}`, (t) => holds(t, load()));
}

const base64 = Buffer.from(sum.bytes).toString('base64');
const module = JSON.stringify(new URL('../../agent/engine/onnx-runtime.ts', import.meta.url).href);
const probing = `import(${module}).then(({ probeCapabilities }) => probeCapabilities())`;

test('threads that have computed end without harm to the process', async (t) => {
  for (let times = 0; times < 5; times++) {
    const worker = new Worker(probing, { eval: true });
    const code = await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    t.is(code, 0);
  }
});

test('the library stays when garbage is collected', async (t) => {
  const program = `const { createSession } = await import(${module});
    const { setTimeout } = await import('node:timers/promises');
    for (let times = 0; times < 3; times++) {
      const session = await createSession({ bytes: Buffer.from('${base64}', 'base64'), inputs: [], outputs: [] }, { threads: 1 });
      await session.release();
      globalThis.gc();
      await setTimeout(10);
    }`;
  const { stderr } = await run(process.execPath, ['--expose-gc', '--input-type=module', '-e', program]);
  t.is(stderr, '');
});

/** The warnings and the error of a process that computes under an environment. */
async function computeUnder(environment: Record<string, string>, prelude = ''): Promise<string> {
  const program = `${prelude}
    const { createSession } = await import(${module});
    await createSession({ bytes: Buffer.from('${base64}', 'base64'),
      inputs: [], outputs: [] }, { threads: 1 });
    console.error('computed');`;
  const env = { ...process.env, ...environment };
  const { stderr } = await run(process.execPath, ['--input-type=module', '-e', program], { env }).catch((e) => e);
  return stderr;
}

test('where the C interface cannot be called, the binding serves, and one line says so', async (t) => {
  const without = `import module from 'node:module';
    const load = module._load;
    module._load = (name, ...more) => {
      if (name === 'koffi') throw new Error('no build for this machine');
      return load(name, ...more);
    };`;
  const said = await computeUnder({}, without);
  t.regex(said, /its binding serves: no build for this machine/);
  t.regex(said, /computed/);
  t.notRegex(await computeUnder({}), /binding/);
});

test('FLOTILLA_ORT chooses the way, and another word is refused', async (t) => {
  t.regex(await computeUnder({ FLOTILLA_ORT: 'binding' }), /^computed/);
  t.regex(await computeUnder({ FLOTILLA_ORT: 'java' }), /FLOTILLA_ORT is 'java'; it can be 'c' or 'binding'/);
});
