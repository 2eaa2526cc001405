import test from 'ava';
import { type Codec, CodecError, codecOf, codecs, UnknownCodecError } from '../../agent/index.ts';

/** Relative error that each codec may make on a finite value of normal size; 0 is exact. */
const relativeError = { float32: 0, bfloat16: 2 ** -8 } as const satisfies Record<keyof typeof codecs, number>;

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

const decodedAgain = (codec: Codec, values: Float32Array) =>
  codec.decode(received(codec.encode(values)), values.length);

for (const [name, codec] of Object.entries(codecs) as [keyof typeof codecs, Codec][]) {
  test(`${name}: is registered under its name and id`, (t) => {
    t.is(codec.name, name);
    t.is(codecOf(codec.id), codec);
    t.true(Number.isInteger(codec.id) && codec.id >= 0 && codec.id <= 255);
  });

  test(`${name}: parameters fill their field of the frame`, (t) => {
    t.is(codec.params.length, paramsBytes);
  });

  for (const count of [0, 1, 2, 3, 63, 64, 65, 4097]) {
    test(`${name}: ${count} values come back within the codec's error, and take as many bytes as estimated`, (t) => {
      const values = samples(count);
      const before = values.slice();
      const payload = codec.encode(values);
      t.is(payload.length, codec.estimate(count));
      const decoded = codec.decode(received(payload), count);
      t.is(decoded.length, count);
      t.deepEqual(values, before, 'encode leaves its input as it was');
      const wrong = values.findIndex(
        (value, i) => Math.abs(decoded[i]! - value) > Math.abs(value) * relativeError[name],
      );
      t.is(wrong, -1, `value ${values[wrong]} became ${decoded[wrong]}`);
    });
  }

  test(`${name}: a view into the middle of a buffer is encoded like a copy of it`, (t) => {
    const view = samples(100).subarray(17, 50);
    t.deepEqual(received(codec.encode(view)), received(codec.encode(view.slice())));
  });

  test(`${name}: NaN, infinities and signed zeros survive`, (t) => {
    const values = Float32Array.of(Number.NaN, Infinity, -Infinity, 0, -0);
    t.deepEqual([...decodedAgain(codec, values)], [...values]);
  });

  test(`${name}: a NaN stays a NaN whatever its payload and sign`, (t) => {
    const values = new Float32Array(Uint32Array.of(0x7f800001, 0x7fffffff, 0xff800001, 0xffffffff).buffer);
    t.true(decodedAgain(codec, values).every(Number.isNaN));
  });

  test(`${name}: a payload of the wrong length is refused, byte by byte`, (t) => {
    const payload = received(codec.encode(samples(8)));
    for (let length = 0; length <= payload.length + 2; length++) {
      if (length === payload.length) continue;
      const other = new Uint8Array(length);
      const error = t.throws(() => codec.decode(other, 8), { instanceOf: CodecError });
      t.is(error?.code, 'CODEC_LENGTH');
    }
  });

  test(`${name}: what was decoded lies in the payload's own buffer, or shares nothing with it`, (t) => {
    const payload = received(codec.encode(Float32Array.of(1, 2)));
    const decoded = codec.decode(payload, 2);
    if (decoded.buffer !== payload.buffer) payload.fill(0xff);
    t.deepEqual([...decoded], [1, 2]);
  });

  test(`${name}: what was decoded encodes to the same bytes again`, (t) => {
    const payload = received(codec.encode(samples(100)));
    const again = received(codec.encode(codec.decode(payload.slice(), 100)));
    t.deepEqual(again, payload);
  });
}

test('no two codecs share an id', (t) => {
  const ids = Object.values(codecs).map(({ id }) => id);
  t.is(new Set(ids).size, ids.length);
});

test('an unknown id is refused and names the codecs that are known', (t) => {
  const error = t.throws(() => codecOf(250), { instanceOf: UnknownCodecError });
  t.regex(error!.message, /250.*float32, bfloat16/);
});

test('golden bytes of float32', (t) => {
  const payload = codecs.float32.encode(Float32Array.of(1, -2.5));
  t.is(Buffer.from(payload).toString('hex'), '0000803f000020c0');
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
    const payload = codecs.bfloat16.encode(new Float32Array(Uint32Array.of(bits).buffer));
    t.is(Buffer.from(payload).toString('hex'), hex);
  });
}
