import { CHUNK_VALUES, groupBytes } from '../kernel/index.ts';
import type { PlanesParams } from './params.ts';

/** Bytes of so many values as groups, the last one filled up. */
export function groupedBytes({ group, bits, range }: PlanesParams, count: number): number {
  return Math.ceil(count / group) * groupBytes(group, bits, range === 'maximum');
}

export const maskBytes = (count: number): number => Math.ceil(count / 8);

/** Bytes of the payload of `count` values before Huffman codes: exactly, but at most where a mask takes zeros out. */
export function longest(params: PlanesParams, count: number): number {
  if (!params.zeroMask) return groupedBytes(params, count);
  const whole = Math.floor(count / CHUNK_VALUES);
  const chunk = (values: number) => maskBytes(values) + groupedBytes(params, values);
  return whole * chunk(CHUNK_VALUES) + chunk(count % CHUNK_VALUES);
}
