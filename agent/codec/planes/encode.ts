import { CHUNK_VALUES, type Kernel, layout, NOT_FINITE } from '../kernel/index.ts';
import { maskBytes } from './lengths.ts';
import type { PlanesOptions } from './planes.ts';

export interface Found {
  readonly bytes: number;
  readonly relativeError: number;
}

/**
 * Writes the payload, a chunk of values after another through the kernel's memory; undefined where a value is not
 * finite or too large. Copies are made by `Buffer.copy`, which does not mind whether memory is shared.
 */
export function encodePlanes(
  kernel: Kernel,
  options: PlanesOptions,
  values: Float32Array,
  payload: Uint8Array,
  seed: number,
): Found | undefined {
  const source = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const { memory } = kernel;
  const page = Buffer.from(memory);
  const sums = new Float64Array(memory, layout.result, 2).fill(0);
  const dither = new Uint32Array(memory, layout.dither, 4);
  let at = 0;
  for (let first = 0; first < values.length; first += CHUNK_VALUES) {
    const count = Math.min(CHUNK_VALUES, values.length - first);
    source.copy(page, layout.values, 4 * first, 4 * (first + count));
    if (options.stochastic) sow(dither, seed, first / CHUNK_VALUES);
    const bytes = encodeChunk(kernel, options, count, first);
    if (bytes === NOT_FINITE) return undefined;
    // Source and target alike: `payload` may lie in shared memory.
    page.copy(payload, at, layout.payload, layout.payload + bytes);
    at += bytes;
  }
  const [error = 0, signal = 0] = sums;
  return { bytes: at, relativeError: signal === 0 ? 0 : Math.sqrt(error / signal) };
}

/** @param count values at `layout.values` */
function encodeChunk(kernel: Kernel, options: PlanesOptions, count: number, first: number): number {
  const { group, bits, range, rotation, stochastic, zeroMask } = options;
  const symmetric = range === 'maximum';
  const number = Math.floor(first / group);
  if (zeroMask) {
    fillUp(kernel, count, 8, 0);
    const kept = kernel.compact(Math.ceil(count / 8) * 8, group);
    return kernel.encode(Math.ceil(kept / group), group, bits, symmetric, stochastic, true, maskBytes(count), number);
  }
  const filled = fillUp(kernel, count, group);
  if (rotation > 0) kernel.rotate(filled, Math.log2(rotation), false);
  return kernel.encode(filled / group, group, bits, symmetric, stochastic, false, 0, number);
}

/** Fills up to a multiple of `unit`, with the last value where none is given; how many there are then. */
function fillUp({ memory }: Kernel, count: number, unit: number, value?: number): number {
  const filled = Math.ceil(count / unit) * unit;
  if (filled === count) return count;
  const values = new Float32Array(memory, layout.values, filled);
  values.fill(value ?? values[count - 1]!, count);
  return filled;
}

/** Four states of xorshift32 that are not 0, from the seed and the number of a chunk. */
function sow(state: Uint32Array, seed: number, chunk: number): void {
  for (let lane = 0; lane < state.length; lane++) {
    // Two rounds of the finaliser of MurmurHash3.
    let mixed = (seed ^ Math.imul(4 * chunk + lane + 1, 0x9e3779b9)) >>> 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    mixed ^= mixed >>> 16;
    state[lane] = mixed === 0 ? 1 : mixed;
  }
}
