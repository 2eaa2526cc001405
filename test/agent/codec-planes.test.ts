import test from 'ava';
import { compileKernel } from '../../agent/codec/assembly/build.ts';
import { wasmBase64 } from '../../agent/codec/kernel/wasm-bytes.ts';
import {
  BufferPool,
  codecOf,
  createTwinKernel,
  createWasmKernel,
  type PlanesOptions,
  planesCodec,
} from '../../agent/index.ts';

const usual: PlanesOptions = {
  ...{ bits: 4, group: 64, range: 'minimum', rotation: 0, zeroMask: false, huffman: false, stochastic: false },
};

/** Numbers below 1 that are the same every time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Normally distributed, in sizes from tiny to large, with some zeros of both signs. */
function values(count: number, seed: number): Float32Array {
  const next = numbers(seed);
  const size = 10 ** (6 * next() - 4);
  return Float32Array.from({ length: count }, () => {
    const value = size * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    return next() < 0.2 ? 0 * value : value;
  });
}

const encode = (options: PlanesOptions, data: Float32Array, seed = 1) =>
  planesCodec(options).encode(data, { memory: new BufferPool(), seed });
const decode = (options: PlanesOptions, data: Float32Array, seed = 1) => {
  const { codec, payload } = encode(options, data, seed);
  return codecOf(codec).decode(new Uint8Array(payload), data.length, new BufferPool());
};

const every: readonly PlanesOptions[] = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((bits) =>
  [32, 64, 128, 256].flatMap((group) =>
    (['minimum', 'maximum'] as const).flatMap((range) =>
      [false, true].flatMap((stochastic) => [
        { ...usual, bits, group, range, stochastic },
        { ...usual, bits, group, range, stochastic, zeroMask: true },
        { ...usual, bits, group, range, stochastic, rotation: group },
      ]),
    ),
  ),
);

test('the source compiles to exactly the bytes that are checked in', async (t) => {
  t.is(Buffer.from(await compileKernel()).toString('base64'), wasmBase64);
});

test('WebAssembly and its twin make the same bytes and the same values, whatever the parameters', (t) => {
  const wasm = createWasmKernel()!;
  const twin = createTwinKernel();
  const memory = new BufferPool();
  for (const [index, options] of every.entries()) {
    const data = values(4096 + 700 + index, index + 1);
    const [ours, theirs] = [wasm, twin].map((kernel) => {
      const codec = planesCodec(options, () => kernel);
      const encoded = codec.encode(data, { memory, seed: index });
      return { encoded, decoded: codec.decode(encoded.payload, data.length, memory) };
    });
    const name = JSON.stringify(options);
    t.is(Buffer.compare(ours!.encoded.payload, theirs!.encoded.payload), 0, name);
    t.deepEqual(ours!.encoded.codec, theirs!.encoded.codec);
    t.is(Buffer.compare(bytesOf(ours!.decoded), bytesOf(theirs!.decoded)), 0, name);
    t.true(Math.abs(ours!.encoded.relativeError - theirs!.encoded.relativeError) < 1e-12, name);
  }
});

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);

test('no value is further from its own than half a step of its group', (t) => {
  for (const options of every.filter(({ stochastic, rotation }) => !stochastic && rotation === 0)) {
    if (options.zeroMask) continue;
    const { group, bits, range } = options;
    const data = values(4096, bits * group);
    const decoded = decode(options, data);
    for (let first = 0; first < data.length; first += group) {
      const own = data.subarray(first, first + group);
      const [least, most] = [Math.min(...own), Math.max(...own)];
      const largest = Math.max(most, -least);
      const levels = range === 'minimum' ? 2 ** bits - 1 : Math.max(1, 2 ** bits - 2);
      // Header numbers have 8 bits of significand.
      const span = (range === 'minimum' ? most - least + Math.abs(least) / 128 : 2 * largest) * (1 + 1 / 127);
      for (const [index, value] of own.entries()) {
        const error = Math.abs(value - decoded[first + index]!);
        if (error > span / levels / 2 + 1e-9 * largest) t.fail(`${JSON.stringify(options)}: ${value} is ${error} off`);
      }
    }
  }
  t.pass();
});

test('golden bytes: minimum and scale as bfloat16, then the planes, the highest first', (t) => {
  const data = Float32Array.from({ length: 32 }, (_, index) => index % 4);
  const { payload, codec } = encode({ ...usual, bits: 2, group: 32 }, data);
  t.is(Buffer.from(payload).toString('hex'), '0000803fccccccccaaaaaaaa');
  t.is(Buffer.from(codec.params).toString('hex'), `0205${'00'.repeat(14)}`);
});

test('golden bytes: around zero, a zero is in the middle', (t) => {
  const data = Float32Array.from({ length: 32 }, (_, index) => [0, 1, -1, 0][index % 4]!);
  const { payload } = encode({ ...usual, bits: 2, group: 32, range: 'maximum' }, data);
  t.is(Buffer.from(payload).toString('hex'), '803f2222222299999999');
});

test('golden bytes: a zero mask, and the values that it leaves', (t) => {
  const data = Float32Array.from({ length: 64 }, (_, index) => (index < 32 ? 0 : index % 2 === 0 ? -1 : 1));
  const { payload } = encode({ ...usual, bits: 1, group: 32, zeroMask: true }, data);
  t.is(Buffer.from(payload).toString('hex'), '00000000ffffffff80bf0040aaaaaaaa');
});

test('stochastic rounding is right in the mean, and the same with the same seed', (t) => {
  const data = new Float32Array(64_000).fill(0.3);
  for (let index = 0; index < data.length; index += 64) data[index] = 1;
  const options = { ...usual, range: 'maximum', stochastic: true } as const;
  const decoded = decode(options, data).filter((_, index) => index % 64 !== 0);
  const mean = decoded.reduce((sum, value) => sum + value, 0) / decoded.length;
  t.true(Math.abs(mean - 0.3) < 0.002, `${mean}`);
  t.deepEqual(encode(options, data, 5).payload, encode(options, data, 5).payload);
  t.notDeepEqual(encode(options, data, 5).payload, encode(options, data, 6).payload);
});

test('a rotation helps where a few values are much larger than the others', (t) => {
  const data = values(64_000, 3);
  for (let index = 0; index < data.length; index += 64) data[index]! *= 30;
  const plain = encode({ ...usual, bits: 3 }, data).relativeError;
  const rotated = encode({ ...usual, bits: 3, rotation: 64 }, data).relativeError;
  t.true(rotated < 0.8 * plain, `${rotated} against ${plain}`);
});

test('Huffman codes are left out where they do not make it shorter', (t) => {
  const sparse = new Float32Array(50_000);
  for (let index = 0; index < sparse.length; index += 97) sparse[index] = index;
  const options = { ...usual, huffman: true };
  const plain = encode(usual, sparse).payload.length;
  t.true(encode(options, sparse).payload.length < 0.7 * plain);
  const next = numbers(9);
  const even = Float32Array.from({ length: 50_000 }, next);
  t.is(encode({ ...options, bits: 8 }, even).codec.params[4], 0);
});
