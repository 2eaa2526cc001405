import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CodecCost } from '../../planner/index.ts';
import { codecFor, codecOf } from '../codec/index.ts';
import { BufferPool } from '../memory/index.ts';

/** Values of a tensor that is encoded: 256 kB of float32. */
const VALUES = 65_536;
/** The first ones warm the program up. */
const WARM_UPS = 4;
const ROUNDS = 12;

/**
 * What the dearest of the codecs that a planner chooses takes of this thread: 8 bits around zero, rounded by chance. By the
 * clock that takes as much longer as the board has less than a core.
 */
export async function measureCodec(cores: number): Promise<CodecCost> {
  const codec = codecFor('gradient', { bits: 8 });
  const memory = new BufferPool();
  const values = Float32Array.from({ length: VALUES }, (_, index) => Math.sin(index) ** 3);
  let [encoding, decoding] = [0, 0];
  for (let round = 0; round < WARM_UPS + ROUNDS; round++) {
    const start = threadSeconds();
    const encoded = codec.encode(values, { memory, seed: round });
    const middle = threadSeconds();
    const decoded = codecOf(encoded.codec).decode(encoded.payload, VALUES, memory);
    const end = threadSeconds();
    memory.giveBack(encoded.payload.buffer);
    memory.giveBack(decoded.buffer);
    if (round >= WARM_UPS) {
      encoding += middle - start;
      decoding += end - middle;
    }
    await nextTurn();
  }
  const bytes = ROUNDS * values.byteLength * Math.min(1, cores);
  return { encodeSecondsPerByte: encoding / bytes, decodeSecondsPerByte: decoding / bytes };
}

function threadSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}
