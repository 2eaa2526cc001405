import test from 'ava';
import { examine, judgeUpTo } from '../../../agent/board/tensor-checks.ts';
import { BufferPool, type PlanesOptions, planesCodec } from '../../../agent/index.ts';
import { testHeader } from '../../broker/helpers.ts';

const usual: PlanesOptions = {
  ...{ bits: 4, group: 64, range: 'minimum', rotation: 0, zeroMask: false, huffman: false, stochastic: false },
};
const values = Float32Array.from({ length: 4096 }, (_, at) => Math.max(0, Math.sin(at)) * (at % 5));

function encoded(options: PlanesOptions) {
  const { codec, payload } = planesCodec(options).encode(values, { memory: new BufferPool(), seed: 1 });
  return { codec, payload: Uint8Array.from(payload) };
}

test('a tensor that takes more memory once it is decoded than its link may have is turned away by its head', (t) => {
  const { codec, payload } = encoded({ ...usual, huffman: true });
  const header = (count: number) => testHeader({ codec, shape: [count], totalBytes: payload.length });
  t.is(judgeUpTo(values.byteLength)(header(values.length)), null);
  t.is(judgeUpTo(values.byteLength)(header(values.length + 1)), 'bad-encoding');
  t.is(judgeUpTo(values.byteLength)(header(2 ** 32 - 1)), 'bad-encoding');
});

for (const options of [
  { ...usual, zeroMask: true },
  { ...usual, huffman: true },
  { ...usual, zeroMask: true, huffman: true },
]) {
  test(`damage is seen before a tensor is delivered: mask ${options.zeroMask}, huffman ${options.huffman}`, (t) => {
    const { codec, payload } = encoded(options);
    const header = testHeader({ codec, shape: [values.length] });
    t.is(examine(header, payload), null);
    t.is(examine(header, payload.subarray(0, payload.length - 1)), 'bad-encoding');
    payload.fill(0xff, 0, 64);
    t.is(examine(header, payload), 'bad-encoding');
  });
}
