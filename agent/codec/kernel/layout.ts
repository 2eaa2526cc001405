/** Where things lie in a kernel's page of memory; `../assembly/kernel.ts` has the same numbers. */
export const layout = {
  /** Two float64: the sums of the squares of errors and of values, of the groups that were sampled. */
  result: 0,
  /** Four uint32, none of them 0: the state of the generator. */
  dither: 32,
  /** For each pattern of four: the bytes to take to move those that are there together. */
  packTable: 256,
  /** The opposite. */
  spreadTable: 512,
  /** Vectors of four words that the kernel reads: see `constants`. */
  constants: 768,
  /** 256 words: the sign bit where a rotation turns a value's sign. */
  signs: 1024,
  values: 2112,
  /** What the zero mask leaves. */
  scratch: 20544,
  payload: 40064,
} as const;

export const KERNEL_BYTES = 65536;
/** Values that a kernel takes at a time: they and their code fit the first cache. A multiple of every group. */
export const CHUNK_VALUES = 4096;
/** Values of one unit of bit planes. */
export const UNIT = 32;
/** Every 7th group is decoded again for its error. */
export const SAMPLED = 7;
/** What `encode` gives where a value is not finite, or too large for the format. */
export const NOT_FINITE = -1;

/** Bytes of the header and of the bit planes of one group. */
export const groupBytes = (size: number, bits: number, symmetric: boolean): number =>
  (symmetric ? 2 : 4) + (size * bits) / 8;

const SIGN = 0x80000000;
/** Bits 0 to 3 and 4 to 7 of every byte, a lane each; the lowest byte; 1 and 1.5 as float32; signs of lanes. */
const constants = [
  ...[0x01010101, 0x02020202, 0x04040404, 0x08080808],
  ...[0x10101010, 0x20202020, 0x40404040, 0x80808080],
  ...[0xff, 0xff, 0xff, 0xff],
  ...[0x3f800000, 0x3f800000, 0x3f800000, 0x3f800000],
  ...[0x3fc00000, 0x3fc00000, 0x3fc00000, 0x3fc00000],
  ...[0, SIGN, 0, SIGN],
  ...[0, 0, SIGN, SIGN],
] as const;

/** Fills in what does not change. */
export function fillTables(memory: ArrayBuffer): void {
  const bytes = new Uint8Array(memory);
  new Uint32Array(memory, layout.constants, constants.length).set(constants);
  for (let pattern = 0; pattern < 16; pattern++) {
    const lanes = [0, 1, 2, 3].filter((lane) => pattern & (1 << lane));
    const pack = new Uint8Array(bytes.buffer, layout.packTable + 16 * pattern, 16).fill(0xff);
    const spread = new Uint8Array(bytes.buffer, layout.spreadTable + 16 * pattern, 16).fill(0xff);
    for (const [place, lane] of lanes.entries()) {
      for (let byte = 0; byte < 4; byte++) {
        pack[4 * place + byte] = 4 * lane + byte;
        spread[4 * lane + byte] = 4 * place + byte;
      }
    }
  }
  const signs = new Uint32Array(memory, layout.signs, 256);
  let state = 0x9e3779b9;
  for (let index = 0; index < signs.length; index++) {
    state = xorshift(state);
    signs[index] = state & 0x80000000;
  }
}

/** One step of Marsaglia's xorshift32. */
export function xorshift(state: number): number {
  let next = state ^ (state << 13);
  next ^= next >>> 17;
  return (next ^ (next << 5)) >>> 0;
}
