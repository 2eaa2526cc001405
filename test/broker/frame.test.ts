import test from 'ava';
import { digestBytes, preferredDigest, readPreferredDigest } from '../../broker/frame/digest.ts';
import { chunkRange, chunksOf } from '../../broker/frame/header.ts';
import { dataTypes, frameKinds } from '../../broker/frame/kinds.ts';
import { at } from '../../broker/frame/layout.ts';
import { createFrame, type FrameHeader, openFrame, parseFrame, sealFrame } from '../../broker/index.ts';
import { fuzzRounds } from '../fuzz.ts';
import { randomFrom, testFleet, testHeader } from './helpers.ts';

const fleet = testFleet();
const { keyring } = fleet;

function seal(overrides: Partial<FrameHeader> = {}, payload = Buffer.from(Float32Array.of(1, -2).buffer)): Buffer {
  const header = testHeader({ payloadBytes: payload.length, totalBytes: payload.length, ...overrides });
  const open = createFrame(payload.length);
  payload.copy(open.payload);
  sealFrame(open.frame, header, fleet.identity(header.from));
  return open.frame;
}

const reasonOf = (bytes: Buffer, keys = keyring): string => {
  const opened = openFrame(bytes, keys);
  return opened.ok ? 'ok' : opened.reason;
};

test('a frame is these very bytes', (t) => {
  const zeros = (bytes: number): string => '00'.repeat(bytes);
  const ascii = (text: string, bytes: number): string =>
    Buffer.alloc(bytes, 0).fill(text, 0, text.length).toString('hex');
  const header = [
    '7e01', // length 382
    '01', // version
    '01', // SHA-256
    '01', // activation
    '01', // float32
    '00', // raw
    '02', // rank
    '0068e5cf8b010000', // incarnation 1,700,000,000,000
    '0700000000000000', // sequence
    '03000000', // term
    '2a000000', // step
    '01000000', // micro-batch
    '00000000', // slot
    '00000000', // chunk
    '01000000', // chunks
    '08000000', // payload bytes
    '08000000', // total bytes
    `0100000002000000${zeros(16)}`, // shape [1, 2]
    zeros(16), // codec params
    ascii('lab', 32),
    ascii('pi-1', 32),
    ascii('pi-2', 32),
    ascii('run-1', 48),
    zeros(80), // name
    'ee4ac73c2bd27756ab82780f27c73a7bc4d3f0bb6acb37e008bc27eccd7e588b', // SHA-256 by Python's hashlib
    zeros(32),
  ].join('');
  // Signed by tweetnacl, not by the code under test.
  const signature =
    '400b3995d525223985edfcc0d1205f6f07297bc0c9bb5fcf7063375afd3e4465' +
    'b117f605127a2d9e0d734d3a61026b83a18138f75befb48a3f058ee2c2bec70f';
  const frame = seal().toString('hex');
  t.is(frame.slice(0, 2 * at.signature), header);
  t.is(frame.slice(2 * at.signature, 2 * at.payload), signature);
  t.is(frame.slice(2 * at.payload), '0000803f000000c0');
});

const variants: readonly Partial<FrameHeader>[] = [
  {},
  { digest: 'blake2b512' },
  ...(Object.keys(frameKinds) as FrameHeader['kind'][]).map((kind) => ({ kind })),
  ...(Object.keys(dataTypes) as FrameHeader['dtype'][]).map((dtype) => ({
    dtype,
    shape: [8 / dataTypes[dtype].bytes],
  })),
  { shape: [1, 1, 1, 1, 1, 2] },
  { shape: [], codec: { id: 9, params: new Uint8Array(16).fill(0xab) } },
  { incarnation: Number.MAX_SAFE_INTEGER, sequence: 2 ** 40 + 5 },
  { term: 2 ** 32 - 1, step: 2 ** 32 - 1, microBatch: 77, slot: 4_000_000_000 },
  { run: 'r'.repeat(48), name: 'layer1.0/conv:weight_'.padEnd(80, 'x'), kind: 'state-up' },
];

test('what is encoded decodes to the same, for every kind, type and extreme', (t) => {
  for (const overrides of variants) {
    const expected = testHeader(overrides);
    const opened = openFrame(seal(overrides), keyring);
    t.true(opened.ok, JSON.stringify(overrides));
    if (!opened.ok) continue;
    t.deepEqual(opened.header, expected);
    t.deepEqual([...new Float32Array(Uint8Array.from(opened.payload).buffer)], [1, -2]);
  }
});

test('an empty tensor and a full frame are frames', (t) => {
  t.is(reasonOf(seal({ shape: [0] }, Buffer.alloc(0))), 'ok');
  t.is(reasonOf(seal({ shape: [2 ** 18] }, Buffer.alloc(2 ** 20, 1))), 'ok');
  t.throws(() => createFrame(2 ** 20 + 1), { code: 'INVALID_FRAME', message: /1048577/ });
});

test('tensors above 1 MiB split into whole MiB and a rest', (t) => {
  const mib = 2 ** 20;
  t.deepEqual([0, 1, mib, mib + 1, 3 * mib].map(chunksOf), [1, 1, 1, 2, 3]);
  t.deepEqual(chunkRange(mib + 5, 1), { start: mib, end: mib + 5 });
  const last = { totalBytes: mib + 8, chunks: 2, chunk: 1, shape: [mib / 4 + 2] };
  t.is(reasonOf(seal(last)), 'ok');
});

test('a header that the layout cannot hold is named', (t) => {
  const bad: readonly [Partial<FrameHeader>, RegExp][] = [
    [{ step: -1 }, /step = -1/],
    [{ slot: 2 ** 32 }, /slot/],
    [{ sequence: 0.5 }, /sequence/],
    [{ run: 'Run' }, /run = "Run"/],
    [{ name: 'a b' }, /name/],
    [{ shape: [3] }, /shape/],
    [{ shape: [1, 1, 1, 1, 1, 1, 2] }, /at most 6/],
    [{ chunk: 1 }, /chunk/],
    [{ payloadBytes: 4 }, /payloadBytes/],
    [{ codec: { id: 256, params: new Uint8Array(16) } }, /codec/],
    [{ codec: { id: 1, params: new Uint8Array(3) } }, /codec params/],
  ];
  for (const [overrides, message] of bad) t.throws(() => seal(overrides), { code: 'INVALID_FRAME', message });
});

test('a frame cut at any byte is refused', (t) => {
  const frame = seal();
  for (let length = 0; length < frame.length; length += 1) {
    const cut = frame.subarray(0, length);
    t.is(reasonOf(cut), length < at.payload ? 'too-short' : 'bad-length');
  }
  t.is(reasonOf(Buffer.concat([frame, Buffer.alloc(1)])), 'bad-length');
  t.is(reasonOf(Buffer.alloc(2 ** 20 + at.payload + 1)), 'too-large');
});

test('a frame with any one byte flipped is refused', (t) => {
  const frame = seal();
  for (let index = 0; index < frame.length; index += 1) {
    for (const bits of [1, 0x80, 0xff]) {
      const altered = Buffer.from(frame);
      altered[index] = altered[index]! ^ bits;
      t.not(reasonOf(altered), 'ok', `byte ${index}`);
    }
  }
});

/** What is done to a sound frame, and why it is refused then. */
const spoiled: readonly (readonly [edit: (frame: Buffer) => unknown, reason: string])[] = [
  [(f) => f.writeUInt16LE(381, at.length), 'bad-length'],
  [(f) => f.writeUInt8(2, at.version), 'unsupported-version'],
  [(f) => f.writeUInt8(4, at.digest), 'unknown-digest'],
  [(f) => f.writeUInt8(0, at.kind), 'unknown-kind'],
  [(f) => f.writeUInt8(99, at.dtype), 'unknown-dtype'],
  [(f) => f.writeUInt8(7, at.rank), 'bad-shape'],
  [(f) => f.writeUInt8(1, at.rank), 'bad-shape'],
  [(f) => f.writeUInt32LE(5, at.shape), 'bad-shape'],
  [(f) => f.writeUInt8(0x20, at.incarnation + 6), 'bad-number'],
  [(f) => f.write('LAB', at.fleet), 'bad-id'],
  [(f) => f.write('x', at.from + 31), 'bad-id'],
  [(f) => f.writeUInt8(1, at.codecParams), 'bad-padding'],
  [(f) => f.writeUInt8(1, at.payloadDigest + 40), 'bad-padding'],
  [(f) => f.writeUInt32LE(2, at.chunks), 'bad-chunk'],
  [(f) => f.write('bay', at.fleet), 'other-fleet'],
  [(f) => f.write('pi-9', at.from), 'unknown-sender'],
  [(f) => f.write('pi-3', at.from), 'bad-signature'],
  [(f) => f.writeUInt32LE(4, at.term), 'bad-signature'],
  [(f) => f.writeUInt8(0, at.payload + 3), 'bad-digest'],
];

test('each way of being wrong has its reason', (t) => {
  for (const [edit, reason] of spoiled) {
    const frame = seal();
    edit(frame);
    t.is(reasonOf(frame), reason, edit.toString());
  }
  t.is(reasonOf(seal({ from: 'stranger' })), 'unknown-sender');
  const { keyring: own } = testFleet();
  own.revoke('pi-1');
  t.is(reasonOf(seal(), own), 'revoked-sender');
});

const ROUNDS = fuzzRounds(100_000);

test(`${ROUNDS} random and mutated frames neither throw nor pass`, (t) => {
  const random = randomFrom(20_261_123);
  const valid = [seal(), seal({ digest: 'blake2b512', kind: 'labels', dtype: 'int64', shape: [1] })];
  const reasons = new Set<string>();
  for (let round = 0; round < ROUNDS / 2; round += 1) {
    const garbage = Buffer.allocUnsafe(Math.floor(random() * 600));
    for (let index = 0; index < garbage.length; index += 1) garbage[index] = Math.floor(random() * 256);
    // Half of them get past the first look.
    if (round % 2 === 0 && garbage.length > at.payload) valid[0]!.copy(garbage, 0, 0, 8);
    const opened = openFrame(garbage, keyring);
    if (opened.ok) t.fail(`accepted ${garbage.toString('hex')}`);
    else reasons.add(opened.reason);
  }
  for (let round = 0; round < ROUNDS / 2; round += 1) {
    const original = valid[round % 2]!;
    const mutant = Buffer.from(original);
    const changes = 1 + Math.floor(random() * 4);
    for (let change = 0; change < changes; change += 1) {
      // Mostly in the numbers, where most checks are.
      const end = random() < 0.7 ? at.fleet : mutant.length;
      mutant[Math.floor(random() * end)] = Math.floor(random() * 256);
    }
    if (mutant.equals(original)) continue;
    const opened = openFrame(mutant, keyring);
    if (opened.ok) t.fail(`accepted ${mutant.toString('hex')}`);
    else reasons.add(opened.reason);
  }
  for (const reason of ['too-short', 'bad-length', 'bad-shape', 'bad-signature', 'bad-chunk', 'bad-id', 'bad-digest']) {
    t.true(reasons.has(reason), `never ${reason}`);
  }
});

test('parsing looks at bytes only and does not need a key', (t) => {
  const parsed = parseFrame(seal({ from: 'stranger' }));
  t.true(parsed.ok);
});

test('SHA-256 is preferred only where the processor has instructions for it', (t) => {
  t.is(preferredDigest('processor : 0\nflags\t\t: fpu sse sha_ni avx\n'), 'sha256');
  t.is(preferredDigest('Features\t: fp asimd aes pmull sha1 sha2 crc32\n'), 'sha256');
  // Raspberry Pi 4 (Cortex-A72 without the crypto extension).
  t.is(preferredDigest('processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\n'), 'blake2b512');
  t.is(preferredDigest(''), 'blake2b512');
  t.is(readPreferredDigest('/nowhere'), 'blake2b512');
});

test('digests are those of FIPS 180-4 and RFC 7693', (t) => {
  const abc = Buffer.from('abc');
  t.is(digestBytes('sha256', abc).toString('hex').slice(0, 16), 'ba7816bf8f01cfea');
  t.is(digestBytes('blake2b512', abc).toString('hex').slice(0, 16), 'ba80a53f981c4d0d');
});
