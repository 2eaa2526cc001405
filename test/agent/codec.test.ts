import test from 'ava';
import {
  BufferPool,
  type Codec,
  CodecError,
  codecOf,
  encodingProblem,
  type PlanesOptions,
  plainCodecs,
  planesCodec,
  UnknownCodecError,
} from '../../agent/index.ts';

const planes = (options: Partial<PlanesOptions>) =>
  planesCodec({
    ...{ bits: 4, group: 64, range: 'minimum', rotation: 0, zeroMask: false, huffman: false, stochastic: false },
    ...options,
  });

/** Every codec, and the error that it may make: relative to the value, or to the largest there is. */
const contracted: readonly (readonly [name: string, codec: Codec, error: number, of: 'value' | 'largest'])[] = [
  ['float32', plainCodecs.float32, 0, 'value'],
  ['bfloat16', plainCodecs.bfloat16, 2 ** -8, 'value'],
  ['float16', plainCodecs.float16, 2 ** -11, 'largest'],
  ['planes of 8 bits', planes({ bits: 8 }), 0.005, 'largest'],
  ['planes of 5 bits in groups of 32', planes({ bits: 5, group: 32 }), 0.035, 'largest'],
  ['planes of 8 bits around zero', planes({ bits: 8, range: 'maximum' }), 0.005, 'largest'],
  ['planes of 4 bits, stochastic', planes({ range: 'maximum', stochastic: true }), 0.15, 'largest'],
  ['planes of 1 bit in groups of 256', planes({ bits: 1, group: 256 }), 1.01, 'largest'],
  ['planes of 8 bits with a zero mask', planes({ bits: 8, zeroMask: true }), 0.005, 'largest'],
  ['planes of 6 bits, rotated by 32', planes({ bits: 6, group: 128, rotation: 32 }), 0.2, 'largest'],
  ['planes of 4 bits with Huffman codes', planes({ bits: 4, huffman: true }), 0.07, 'largest'],
];

/** The frame's field for codec parameters. [docs/protocol.md] */
const paramsBytes = 16;

/** A deterministic mixture of signs and sizes, with both zeros. */
function samples(count: number): Float32Array {
  const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + 0.3) * 10 ** ((i % 13) - 6));
  if (count > 1) values[1] = 0;
  if (count > 2) values[2] = -0;
  return values;
}

/** As a receiver holds it: at the start of a buffer of its own. */
function received(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(payload);
}

const encode = (codec: Codec, values: Float32Array) => codec.encode(values, { memory: new BufferPool(), seed: 7 });

/** As a receiver does it, from what the frame says alone. */
function decodedAgain(codec: Codec, values: Float32Array): Float32Array {
  const { codec: header, payload } = encode(codec, values);
  return codecOf(header).decode(received(payload), values.length, new BufferPool());
}

for (const [name, codec, error, of] of contracted) {
  test(`${name}: is found by its id and parameters`, (t) => {
    const found = codecOf(codec);
    t.deepEqual([found.id, found.name, found.params], [codec.id, codec.name, codec.params]);
    t.true(Number.isInteger(codec.id) && codec.id >= 0 && codec.id <= 255);
  });

  test(`${name}: parameters fill their field of the frame`, (t) => {
    t.is(codec.params.length, paramsBytes);
  });

  for (const count of [0, 1, 2, 3, 63, 64, 65, 4097, 12_345]) {
    test(`${name}: ${count} values come back within the codec's error, in no more bytes than estimated`, (t) => {
      const values = samples(count).map((value) => (codec.name === 'float16' ? value / 1000 : value));
      const before = values.slice();
      const { codec: header, payload } = encode(codec, values);
      t.true(payload.length <= codec.estimate(count) && codec.estimate(count) <= 4 * count);
      const decoded = codecOf(header).decode(received(payload), count, new BufferPool());
      t.is(decoded.length, count);
      t.deepEqual(values, before, 'encode leaves its input as it was');
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const least = error === 0 ? 0 : 2 ** -25;
      const allowed = (value: number) => least + error * (of === 'value' ? Math.abs(value) : largest);
      const wrong = values.findIndex((value, i) => Math.abs(decoded[i]! - value) > allowed(value));
      t.is(wrong, -1, `value ${values[wrong]} became ${decoded[wrong]}`);
    });
  }

  test(`${name}: a view into the middle of a buffer is encoded like a copy of it`, (t) => {
    const view = samples(1000).subarray(17, 950);
    t.deepEqual(received(encode(codec, view).payload), received(encode(codec, view.slice()).payload));
  });

  test(`${name}: shared memory is encoded like other memory`, (t) => {
    const shared = new Float32Array(new SharedArrayBuffer(4 * 5000));
    shared.set(samples(5000));
    t.deepEqual(received(encode(codec, shared).payload), received(encode(codec, samples(5000)).payload));
  });

  test(`${name}: NaN, infinities and large values survive, in the middle of others`, (t) => {
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      const values = samples(5000);
      values[4500] = value;
      t.is(decodedAgain(codec, values)[4500], value);
      if (codec.bits < 32) t.is(encode(codec, values).notFinite, 1);
    }
    const values = samples(300);
    values[7] = 3e38;
    values[8] = -3e38;
    const decoded = decodedAgain(codec, values);
    t.true(decoded.every(Number.isFinite) && decoded[7]! > 2.9e38 && decoded[8]! < -2.9e38);
  });

  test(`${name}: a NaN stays a NaN whatever its payload and sign`, (t) => {
    const values = new Float32Array(Uint32Array.of(0x7f800001, 0x7fffffff, 0xff800001, 0xffffffff).buffer);
    t.true(decodedAgain(codec, values).every(Number.isNaN));
  });

  test(`${name}: tiny values, equal values and zeros come back as such`, (t) => {
    t.true(decodedAgain(codec, new Float32Array(500)).every((value) => value === 0));
    const near = decodedAgain(codec, new Float32Array(512).fill(1e-42));
    t.true(near.every((value) => Math.abs(value) < 1e-37));
    const equal = decodedAgain(codec, new Float32Array(512).fill(-3));
    t.true(equal.every((value) => Math.abs(value + 3) < 0.5));
  });

  test(`${name}: a payload of the wrong length is refused, byte by byte`, (t) => {
    const { codec: header, payload } = encode(codec, samples(600));
    for (const length of [0, 1, 2, 40, payload.length - 1, payload.length + 1, payload.length + 36, 2400, 9000]) {
      if (length === payload.length) continue;
      const other = new Uint8Array(length);
      other.set(payload.subarray(0, length));
      const error = t.throws(() => codecOf(header).decode(other, 600, new BufferPool()), { instanceOf: CodecError });
      t.true(['CODEC_LENGTH', 'CODEC_DAMAGED'].includes(error!.code), error?.code);
    }
  });

  test(`${name}: what was decoded lies in the payload's own buffer, or shares nothing with it`, (t) => {
    const encoded = encode(
      codec,
      Float32Array.from({ length: 512 }, (_, index) => index % 2),
    );
    const payload = received(encoded.payload);
    const decoded = codecOf(encoded.codec).decode(payload, 512, new BufferPool());
    const before = decoded.slice();
    if (decoded.buffer !== payload.buffer) payload.fill(0xff);
    t.deepEqual(decoded, before);
  });

  test(`${name}: the error that it reports is near the one of all values`, (t) => {
    const values = samples(20_000);
    const { relativeError } = encode(codec, values);
    const decoded = decodedAgain(codec, values);
    const sum = (of: (index: number) => number) => values.reduce((total, _, index) => total + of(index) ** 2, 0);
    const all = Math.sqrt(sum((i) => values[i]! - decoded[i]!) / sum((i) => values[i]!));
    t.true(Math.abs(relativeError - all) <= 0.1 * all, `${relativeError} is not near ${all}`);
  });
}

test('an unknown id is refused and names the codecs that are known', (t) => {
  const error = t.throws(() => codecOf({ id: 250, params: new Uint8Array(paramsBytes) }), {
    instanceOf: UnknownCodecError,
  });
  t.regex(error!.message, /250.*float32, bfloat16, float16, planes/);
});

test('a codec without parameters refuses any', (t) => {
  const params = new Uint8Array(paramsBytes);
  params[3] = 9;
  t.throws(() => codecOf({ id: 1, params }), { code: 'CODEC_PARAMS', message: /bfloat16.*9/ });
  t.throws(() => codecOf({ id: 1, params: new Uint8Array(3) }), { code: 'CODEC_PARAMS', message: /3.*16/ });
});

test('float32 gives signed zeros and every bit back', (t) => {
  const values = Float32Array.of(0, -0, 1e-45, Number.NaN);
  t.deepEqual([...decodedAgain(plainCodecs.float32, values)], [...values]);
});

test('golden bytes of float32', (t) => {
  const { payload } = encode(plainCodecs.float32, Float32Array.of(1, -2.5));
  t.is(Buffer.from(payload).toString('hex'), '0000803f000020c0');
});

test('golden bytes of float16', (t) => {
  const { payload } = encode(plainCodecs.float16, Float32Array.of(1, -2.5, 65504));
  t.is(Buffer.from(payload).toString('hex'), '003c00c1ff7b');
});

/** float32 bits → the two bytes of bfloat16, little-endian; ties go to the even neighbour. */
const goldenBfloat16: readonly (readonly [bits: number, hex: string, why: string])[] = [
  [0x3f800000, '803f', '1'],
  [0xc0200000, '20c0', '-2.5'],
  [0x40490fdb, '4940', 'pi, rounded down'],
  [0x3dcccccd, 'cd3d', '0.1, rounded up'],
  [0x3f808000, '803f', 'a tie, the lower neighbour is even'],
  [0x3f818000, '823f', 'a tie, the upper neighbour is even'],
  [0x3f808001, '813f', 'just above a tie'],
  [0x3fffffff, '0040', 'rounding carries into the exponent'],
  [0x7f7fffff, '807f', 'the largest float32 becomes infinity'],
  [0x00000001, '0000', 'the smallest subnormal becomes zero'],
  [0x80000000, '0080', 'minus zero'],
  [0x7f800000, '807f', 'infinity'],
  [0xff800000, '80ff', 'minus infinity'],
  [0x7fc00000, 'c07f', 'a quiet NaN'],
  [0x7f800001, 'c07f', 'a signalling NaN becomes a quiet one'],
];

for (const [bits, hex, why] of goldenBfloat16) {
  test(`golden bytes of bfloat16: 0x${bits.toString(16)}, ${why}`, (t) => {
    const { payload } = encode(plainCodecs.bfloat16, new Float32Array(Uint32Array.of(bits).buffer));
    t.is(Buffer.from(payload).toString('hex'), hex);
  });
}

const header = (params: readonly number[], id = 2) => ({
  id,
  params: Uint8Array.of(...params, ...Array(16 - params.length).fill(0)),
});
const good = [4, 6, 0, 0, 0];

/** What a board says of a tensor of 128 values by its head alone. */
const heads: Readonly<
  Record<
    string,
    readonly [codec: ReturnType<typeof header>, bytes: number, problem: ReturnType<typeof encodingProblem>]
  >
> = {
  'planes of the right length': [header(good), 72, null],
  'planes of another length': [header(good), 71, 'bad-encoding'],
  'an unknown id': [header([], 99), 72, 'unknown-codec'],
  '9 bits': [header([9, 6]), 72, 'bad-encoding'],
  'no bits': [header([0, 6]), 72, 'bad-encoding'],
  'groups of 4096': [header([4, 12]), 72, 'bad-encoding'],
  'an unknown range': [header([4, 6, 2]), 72, 'bad-encoding'],
  'a rotation that is larger than its group': [header([4, 6, 0, 7]), 72, 'bad-encoding'],
  'a mask with a rotation': [header([4, 6, 0, 6, 1]), 72, 'bad-encoding'],
  'an unknown flag': [header([4, 6, 0, 0, 4]), 72, 'bad-encoding'],
  'a parameter that means nothing': [header([4, 6, 0, 0, 0, 0, 1]), 72, 'bad-encoding'],
  'a mask that takes fewer bytes': [header([4, 6, 0, 0, 1]), 20, null],
  'a mask that takes more bytes than there can be': [header([4, 6, 0, 0, 1]), 500, 'bad-encoding'],
  'bfloat16 of the right length': [header([], 1), 256, null],
  'bfloat16 of another length': [header([], 1), 512, 'bad-encoding'],
  'float32 with parameters': [header([1], 0), 512, 'bad-encoding'],
};

for (const [title, [codec, bytes, problem]] of Object.entries(heads)) {
  test(`${title}: ${problem ?? 'taken'} before any memory is`, (t) => {
    t.is(encodingProblem(codec, 128, bytes), problem);
  });
}

test('what is encoded is never turned away by its head', (t) => {
  for (const [name, codec] of contracted) {
    for (const count of [1, 31, 64, 65, 4096, 5000]) {
      const { codec: own, payload } = encode(codec, samples(count));
      t.is(encodingProblem(own, count, payload.length), null, `${name}, ${count} values`);
    }
  }
});
