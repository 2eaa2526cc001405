import test from 'ava';
import {
  buildModel,
  decodeOnnx,
  encodeOnnx,
  float,
  int,
  ints,
  lowerStage,
  OnnxFormatError,
  type OnnxModel,
  plainCapabilities,
  randomStream,
  text,
} from '../../models/index.ts';
import { unscaled, wholeStage } from './support/trainer.ts';

/** One of everything that a file of ours can hold. */
function aModel(overrides: Partial<OnnxModel> = {}): OnnxModel {
  return {
    name: 'everything',
    opsets: { '': 17, 'com.microsoft': 1 },
    inputs: [
      { name: 'x', dataType: 'float32', shape: ['batch', 3] },
      { name: 'labels', dataType: 'int64', shape: [] },
    ],
    outputs: [{ name: 'y', dataType: 'bool', shape: [2 ** 33, 0] }],
    initializers: [
      { name: 'floats', dataType: 'float32', shape: [3], data: Float32Array.of(1.5, -0, Number.POSITIVE_INFINITY) },
      { name: 'integers', dataType: 'int64', shape: [1, 2], data: BigInt64Array.of(-1n, 2n ** 62n) },
      { name: 'flags', dataType: 'bool', shape: [2], data: Uint8Array.of(0, 1) },
      { name: 'scalar', dataType: 'float32', shape: [], data: Float32Array.of(7) },
      { name: 'nothing', dataType: 'float32', shape: [0], data: new Float32Array(0) },
    ],
    nodes: [
      {
        op: 'Everything',
        domain: 'com.microsoft',
        name: 'näme',
        inputs: ['x', '', 'floats'],
        outputs: ['y'],
        attributes: {
          one: int(-3),
          half: float(0.5),
          word: text('αβ'),
          sizes: ints(1, -1, 2 ** 40),
          none: ints(),
          ratios: { kind: 'floats', value: [0.25, -2] },
        },
      },
    ],
    metadata: { classes: '10', empty: '' },
    ...overrides,
  };
}

test('a model that is encoded and decoded is the same', (t) => {
  t.deepEqual(decodeOnnx(encodeOnnx(aModel())), aModel());
});

test('a generated training graph that is decoded and encoded has the same bytes', (t) => {
  const { graph } = buildModel('harcnn', { batch: 2, classes: 6, inputShape: [9, 128] });
  const { bytes } = lowerStage(wholeStage(graph), unscaled(plainCapabilities)).forwardBackward!;
  t.deepEqual(encodeOnnx(decodeOnnx(bytes)), bytes);
});

test('the bytes of a small model are these', (t) => {
  const value = { dataType: 'float32', shape: [1] } as const;
  const bytes = encodeOnnx({
    name: 'g',
    opsets: { '': 17 },
    inputs: [{ name: 'x', ...value }],
    outputs: [{ name: 'y', ...value }],
    initializers: [],
    nodes: [{ op: 'Relu', domain: '', name: 'n', inputs: ['x'], outputs: ['y'], attributes: { k: int(1) } }],
    metadata: {},
  });
  const node = '0a01 78 1201 79 1a01 6e 2204 52656c75 2a08 0a016b a00102 1801';
  const type = '120a 0a08 0801 1204 0a02 0801';
  const graph = `0a19 ${node} 1201 67 5a0f 0a0178 ${type} 620f 0a0179 ${type}`;
  const expected = `0809 1208 ${Buffer.from('flotilla').toString('hex')} 4204 0a00 1011 3a40 ${graph}`;
  t.is(Buffer.from(bytes).toString('hex'), expected.replaceAll(' ', ''));
});

test('a file that is cut short anywhere is refused by name', (t) => {
  const bytes = encodeOnnx(aModel());
  for (let length = 0; length < bytes.length; length++) {
    t.throws(() => decodeOnnx(bytes.subarray(0, length)), { instanceOf: OnnxFormatError, code: 'ONNX_FORMAT' });
  }
});

test('a tensor that holds fewer values than its shape says is refused with both', (t) => {
  const short = { name: 'w', dataType: 'float32', shape: [4], data: new Float32Array(3) } as const;
  t.throws(() => decodeOnnx(encodeOnnx(aModel({ initializers: [short] }))), {
    instanceOf: OnnxFormatError,
    message: /'w' of shape \[4\] holds 3 values/,
  });
});

/** Decodes what may be anything: only the one error may come out. */
function survives(bytes: Uint8Array): boolean {
  try {
    decodeOnnx(bytes);
    return true;
  } catch (error) {
    return error instanceof OnnxFormatError;
  }
}

test('bytes altered at random are read or refused, and nothing else', (t) => {
  const bytes = encodeOnnx(aModel());
  const random = randomStream(1, 'altered');
  for (let round = 0; round < 20_000; round++) {
    const altered = bytes.slice();
    for (let change = random.integer(4); change >= 0; change--) {
      altered[random.integer(altered.length)] = random.integer(256);
    }
    if (!survives(altered)) t.fail(Buffer.from(altered).toString('hex'));
  }
  t.pass();
});

test('random bytes are read or refused, and nothing else', (t) => {
  const random = randomStream(2, 'noise');
  for (let round = 0; round < 20_000; round++) {
    const noise = Uint8Array.from({ length: random.integer(200) }, () => random.integer(256));
    if (!survives(noise)) t.fail(Buffer.from(noise).toString('hex'));
  }
  t.pass();
});
