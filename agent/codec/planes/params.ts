import { codecParamsBytes } from '../codec.ts';
import { CodecParamsError } from '../errors.ts';

/**
 * How values become bit planes.
 *
 * | byte | parameter | meaning                                                             |
 * |------|-----------|---------------------------------------------------------------------|
 * |    0 | bits      | 1 to 8                                                              |
 * |    1 | group     | log2 of a group's values: 5 to 8                                    |
 * |    2 | range     | 0 minimum and scale of each group, 1 its absolute maximum           |
 * |    3 | rotation  | 0 none, else log2 of a block's values: 5 to the group's             |
 * |    4 | flags     | 1 zero mask, 2 Huffman                                              |
 * | 5-15 |           | 0                                                                   |
 */
export interface PlanesParams {
  readonly bits: number;
  /** Values of a group: 32, 64, 128 or 256. */
  readonly group: number;
  readonly range: 'minimum' | 'maximum';
  /** Values of a block that is rotated; 0 where none is. */
  readonly rotation: number;
  /** Zeros go as one bit, and only the others into groups. */
  readonly zeroMask: boolean;
  /** Deflate with Huffman codes only, over all. */
  readonly huffman: boolean;
}

const ranges = ['minimum', 'maximum'] as const;
const ZERO_MASK = 1;
const HUFFMAN = 2;
const USED_BYTES = 5;

export function packParams({ bits, group, range, rotation, zeroMask, huffman }: PlanesParams): Uint8Array {
  const bytes = new Uint8Array(codecParamsBytes);
  const flags = (zeroMask ? ZERO_MASK : 0) | (huffman ? HUFFMAN : 0);
  bytes.set([bits, Math.log2(group), ranges.indexOf(range), rotation === 0 ? 0 : Math.log2(rotation), flags]);
  return bytes;
}

/** @throws CodecParamsError */
export function parseParams(bytes: Uint8Array): PlanesParams {
  const [bits = 0, group = 0, range = 0, rotation = 0, flags = 0] = bytes;
  within('bits', bits, 1, 8);
  within('group (log2)', group, 5, 8);
  within('range', range, 0, ranges.length - 1);
  if (rotation !== 0) within('rotation (log2)', rotation, 5, group);
  within('flags', flags, 0, ZERO_MASK | HUFFMAN);
  const zeroMask = (flags & ZERO_MASK) !== 0;
  if (zeroMask && rotation !== 0)
    throw new CodecParamsError('planes', 'rotation (log2)', rotation, '0 with a zero mask');
  const strange = bytes.findIndex((byte, index) => index >= USED_BYTES && byte !== 0);
  if (strange >= 0) throw new CodecParamsError('planes', `parameter ${strange}`, bytes[strange]!, '0');
  return {
    bits,
    group: 2 ** group,
    range: ranges[range]!,
    rotation: rotation === 0 ? 0 : 2 ** rotation,
    zeroMask,
    huffman: (flags & HUFFMAN) !== 0,
  };
}

function within(name: string, value: number, least: number, most: number): void {
  if (value < least || value > most) throw new CodecParamsError('planes', name, value, `${least} to ${most}`);
}
