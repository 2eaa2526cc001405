import test from 'ava';
import {
  BufferPool,
  CodecError,
  codecOf,
  encodingProblem,
  type PlanesOptions,
  payloadProblem,
  planesCodec,
} from '../../agent/index.ts';
import { fuzzRounds } from '../fuzz.ts';

/** In four tests: the test runner wants to hear something now and then. */
const ROUNDS = fuzzRounds(100_000) / 4;

function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const usual: PlanesOptions = {
  ...{ bits: 4, group: 64, range: 'minimum', rotation: 0, zeroMask: false, huffman: false, stochastic: false },
};
const options: readonly PlanesOptions[] = [
  usual,
  { ...usual, bits: 8, group: 32, range: 'maximum' },
  { ...usual, zeroMask: true },
  { ...usual, bits: 2, group: 256, rotation: 64 },
  { ...usual, huffman: true },
  { ...usual, zeroMask: true, huffman: true },
];

for (const part of [1, 2, 3, 4]) {
  test(`${ROUNDS} damaged payloads are decoded to as many values as asked for, or refused by name (${part})`, (t) => {
    const below = numbers(2026 + part);
    const memory = new BufferPool();
    const values = Float32Array.from({ length: 700 }, (_, index) => Math.max(0, Math.sin(index)) * (index % 5));
    const seeds = options.map((each) => planesCodec(each).encode(values, { memory, seed: 1 }));
    const refused = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++) {
      const { codec, payload } = seeds[below(seeds.length)]!;
      const params = codec.params.slice();
      let id = codec.id;
      let bytes = new Uint8Array(payload);
      for (let change = below(4); change > 0 && bytes.length > 0; change--) bytes[below(bytes.length)] = below(256);
      if (below(4) === 0) bytes = bytes.slice(0, below(bytes.length + 1));
      if (below(8) === 0) bytes = Uint8Array.from({ length: below(1500) }, () => below(256));
      if (below(4) === 0) params[below(5)] = below(9);
      if (below(50) === 0) params[below(16)] = below(256);
      if (below(50) === 0) id = below(6);
      const count = below(4) === 0 ? below(10_000) : values.length;
      const header = { id, params };
      const foreseen =
        encodingProblem(header, count, bytes.length) ?? payloadProblem(header, count, bytes) ?? undefined;
      let isRefused = false;
      try {
        const decoded = codecOf(header).decode(bytes, count, memory);
        if (decoded.length !== count) t.fail(`${decoded.length} values, not ${count}`);
        if (decoded.buffer !== bytes.buffer) memory.giveBack(decoded.buffer);
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
        refused.set(error.code, (refused.get(error.code) ?? 0) + 1);
        isRefused = true;
      }
      if (isRefused !== (foreseen !== undefined)) t.fail(`refused: ${isRefused}, though a link would say ${foreseen}`);
    }
    t.deepEqual([...refused.keys()].toSorted(), ['CODEC_DAMAGED', 'CODEC_LENGTH', 'CODEC_PARAMS', 'CODEC_UNKNOWN']);
  });
}
