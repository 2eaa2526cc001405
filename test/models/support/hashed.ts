import { elementCount, type Parameter } from '../../../models/index.ts';

/** The numbers that record_torch.py computes too, so that weights and images need not be stored. */

/** Uniform numbers of [-1, 1), by FNV-1a of the name and MurmurHash3's finaliser of the index. */
export function hashed(name: string, count: number): Float32Array {
  let start = 0x811c9dc5;
  for (const byte of Buffer.from(name)) start = Math.imul(start ^ byte, 0x01000193);
  return Float32Array.from({ length: count }, (_, index) => {
    let x = (start + Math.imul(index, 0x9e3779b9)) | 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x85ebca6b);
    x ^= x >>> 13;
    x = Math.imul(x, 0xc2b2ae35);
    x ^= x >>> 16;
    return (x >>> 0) / 2 ** 31 - 1;
  });
}

/** Weights within ±1/√fan_in, biases ±0.1, scales of batch normalisation 1 ± 0.1; running averages 0 and 1. */
export function hashedParameter({ name, type: { shape }, kind }: Parameter): Float32Array {
  const count = elementCount(shape);
  if (kind === 'running') return new Float32Array(count).fill(name.endsWith('running_var') ? 1 : 0);
  const values = hashed(name, count);
  if (shape.length > 1) return values.map((value) => value * Math.fround(1 / Math.sqrt(elementCount(shape.slice(1)))));
  const small = values.map((value) => value * Math.fround(0.1));
  return /(^|\.)bn\d*\.weight$/.test(name) ? small.map((value) => value + 1) : small;
}
