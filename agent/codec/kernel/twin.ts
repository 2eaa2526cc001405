import { fillTables, groupBytes, KERNEL_BYTES, layout, NOT_FINITE, SAMPLED, UNIT, xorshift } from './layout.ts';
import { rotateBlock } from './rotation.ts';
import type { Kernel } from './types.ts';

const { fround } = Math;
/** 1.5 · 2^23: added to a float32, it leaves the nearest whole number (even on ties) in the low bits. */
const MAGIC = 12582912;
const LEAST_SCALE = fround(2 ** -126);

/** How the values of one group become codes: fround(fround(value - origin) · inverse) + zeroCode, rounded. */
interface Range {
  readonly origin: number;
  readonly inverse: number;
  readonly zeroCode: number;
}

const view = new DataView(new ArrayBuffer(4));
const lanes = new Float32Array(8);

/**
 * The kernel in plain TypeScript: the reference of the format, and what runs where WebAssembly does not. Every float32
 * operation is rounded as the WebAssembly one is, and in its order, so the bytes are the same.
 */
export function createTwinKernel(): Kernel {
  const memory = new ArrayBuffer(KERNEL_BYTES);
  fillTables(memory);
  const floats = new Float32Array(memory);
  const bytes = new DataView(memory);
  const result = new Float64Array(memory, layout.result, 2);
  const dither = new Uint32Array(memory, layout.dither, 4);
  const signs = new Uint32Array(memory, layout.signs, 256);
  const codes = new Uint8Array(256);
  const decoded = new Float32Array(256);

  const pack = (from: number, size: number, { origin, inverse, zeroCode }: Range) => {
    const add = MAGIC + zeroCode;
    for (let index = 0; index < size; index++) {
      const scaled = fround(fround(floats[from + index]! - origin) * inverse);
      codes[index] = fround(scaled + add) - MAGIC;
    }
  };
  const packStochastic = (from: number, size: number, { origin, inverse, zeroCode }: Range, levels: number) => {
    const least = -zeroCode;
    const most = zeroCode === 0 ? levels : zeroCode;
    for (let index = 0; index < size; index++) {
      const scaled = fround(fround(floats[from + index]! - origin) * inverse);
      const moved = fround(scaled + nextDither(dither, index & 3));
      codes[index] = fround(Math.min(Math.max(moved, least), most) + MAGIC + zeroCode) - MAGIC;
    }
  };
  return {
    name: 'plain',
    memory,
    encode(groups, size, bits, symmetric, stochastic, compacted, offset, number) {
      const levels = 2 ** bits - 1;
      let from = (compacted ? layout.scratch : layout.values) / 4;
      let to = layout.payload + offset;
      for (let group = 0; group < groups; group++) {
        const range = openGroup(floats.subarray(from, from + size), bytes, to, levels, symmetric);
        if (range === undefined) return NOT_FINITE;
        if (stochastic) packStochastic(from, size, range, levels);
        else pack(from, size, range);
        storePlanes(codes, size, bits, bytes, to + (symmetric ? 2 : 4));
        if ((number + group) % SAMPLED === 0) {
          decodeGroup(bytes, to, codes, decoded, size, bits, symmetric);
          addError(result, floats, from, decoded, size);
        }
        from += size;
        to += groupBytes(size, bits, symmetric);
      }
      return to - layout.payload;
    },
    decode(groups, size, bits, symmetric, compacted, offset) {
      let to = (compacted ? layout.scratch : layout.values) / 4;
      let from = layout.payload + offset;
      for (let group = 0; group < groups; group++) {
        decodeGroup(bytes, from, codes, floats.subarray(to, to + size), size, bits, symmetric);
        to += size;
        from += groupBytes(size, bits, symmetric);
      }
    },
    rotate(count, log2, back) {
      const size = 2 ** log2;
      const first = layout.values / 4;
      for (let at = first; at < first + count; at += size) rotateBlock(floats.subarray(at, at + size), signs, back);
    },
    compact(count, size) {
      const [from, to] = [layout.values / 4, layout.scratch / 4];
      let kept = 0;
      for (let index = 0; index < count; index += 8) {
        let mask = 0;
        for (let bit = 0; bit < 8; bit++) {
          const value = floats[from + index + bit]!;
          if (value === 0) continue;
          mask |= 1 << bit;
          floats[to + kept++] = value;
        }
        bytes.setUint8(layout.payload + index / 8, mask);
      }
      if (kept > 0) floats.fill(floats[to + kept - 1]!, to + kept, to + Math.ceil(kept / size) * size);
      return kept;
    },
    spread(count) {
      let from = layout.scratch / 4;
      const to = layout.values / 4;
      for (let index = 0; index < count; index++) {
        const there = (bytes.getUint8(layout.payload + (index >> 3)) >> (index & 7)) & 1;
        floats[to + index] = there ? floats[from++]! : 0;
      }
    },
  };
}

/** Sets the range of a group and writes its header; undefined where a value is not finite or too large. */
function openGroup(values: Float32Array, bytes: DataView, to: number, levels: number, symmetric: boolean) {
  let least = values[0]!;
  let most = least;
  for (let index = 1; index < values.length; index++) {
    const value = values[index]!;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (!sumIsFinite(values)) return undefined;
  if (symmetric) return aroundZero(Math.max(most, -least), bytes, to, levels);
  // Which of the two zeros was found first does not matter: the sum is +0.
  return upFrom(least + 0, most, bytes, to, levels);
}

/** In the order of the kernel's eight lanes: a sum that overflows must do so in both. */
function sumIsFinite(values: Float32Array): boolean {
  lanes.set(values.subarray(0, 8));
  for (let index = 8; index < values.length; index++) lanes[index & 7]! += values[index]!;
  for (let lane = 0; lane < 4; lane++) lanes[lane]! += lanes[lane + 4]!;
  return Number.isFinite(fround(fround(lanes[0]! + lanes[2]!) + fround(lanes[1]! + lanes[3]!)));
}

function aroundZero(largest: number, bytes: DataView, to: number, levels: number): Range | undefined {
  const zeroCode = levels === 1 ? 0 : (levels - 1) / 2;
  const scale = roundedUp(fround(levels === 1 ? largest * 2 : largest * fround(1 / zeroCode)));
  bytes.setUint16(to, bitsOf(scale) >>> 16, true);
  if (!fits(scale, levels)) return undefined;
  return { origin: levels === 1 ? fround(-scale / 2) : 0, inverse: inverseOf(scale), zeroCode };
}

function upFrom(least: number, most: number, bytes: DataView, to: number, levels: number): Range | undefined {
  const bits = bitsOf(least);
  // Rounded down: what is negative grows.
  const rounded = ((bits >>> 31 ? bits + 0xffff : bits) & 0xffff0000) >>> 0;
  const origin = floatOf(rounded);
  const scale = roundedUp(fround(fround(most - origin) * fround(1 / levels)));
  bytes.setUint16(to, rounded >>> 16, true);
  bytes.setUint16(to + 2, bitsOf(scale) >>> 16, true);
  if (!fits(scale, levels) || !Number.isFinite(origin)) return undefined;
  return { origin, inverse: inverseOf(scale), zeroCode: 0 };
}

/** Whether the receiver's product of scale and code stays finite. */
function fits(scale: number, levels: number): boolean {
  return Number.isFinite(fround(scale * levels));
}

/** To a bfloat16, so that the largest value has a code. */
function roundedUp(wanted: number): number {
  if (wanted === 0) return 0;
  return Math.max(floatOf(((bitsOf(wanted) + 0xffff) & 0xffff0000) >>> 0), LEAST_SCALE);
}

function inverseOf(scale: number): number {
  return scale === 0 ? 0 : fround(1 / scale);
}

/** A number of [-0.5, 0.5). */
function nextDither(state: Uint32Array, lane: number): number {
  const next = xorshift(state[lane]!);
  state[lane] = next;
  return floatOf((next >>> 9) | 0x3f800000) - 1.5;
}

/** The most significant plane first, in units of 32 values. */
function storePlanes(codes: Uint8Array, size: number, bits: number, bytes: DataView, to: number): void {
  for (let unit = 0; unit < size; unit += UNIT) {
    for (let plane = bits - 1; plane >= 0; plane--) {
      let word = 0;
      for (let index = 0; index < UNIT; index++) word |= ((codes[unit + index]! >> plane) & 1) << index;
      bytes.setUint32(to, word, true);
      to += 4;
    }
  }
}

function decodeGroup(
  bytes: DataView,
  at: number,
  codes: Uint8Array,
  values: Float32Array,
  size: number,
  bits: number,
  symmetric: boolean,
): void {
  const first = floatOf(bytes.getUint16(at, true) << 16);
  const scale = symmetric ? first : floatOf(bytes.getUint16(at + 2, true) << 16);
  const zero = bits === 1 ? 0.5 : 2 ** (bits - 1) - 1;
  const start = symmetric ? fround(-(scale * zero)) : first;
  codes.fill(0);
  let from = at + (symmetric ? 2 : 4);
  for (let unit = 0; unit < size; unit += UNIT) {
    for (let plane = 0; plane < bits; plane++) {
      const word = bytes.getUint32(from, true);
      for (let index = 0; index < UNIT; index++)
        codes[unit + index] = codes[unit + index]! * 2 + ((word >>> index) & 1);
      from += 4;
    }
  }
  for (let index = 0; index < size; index++) values[index] = fround(codes[index]! * scale) + start;
}

/** Adds the squares of a group's errors and of its values, as the receiver will have them. */
function addError(result: Float64Array, values: Float32Array, from: number, decoded: Float32Array, size: number): void {
  let error = 0;
  let signal = 0;
  for (let index = 0; index < size; index++) {
    const value = values[from + index]!;
    const difference = fround(value - decoded[index]!);
    error += difference * difference;
    signal += value * value;
  }
  result[0]! += error;
  result[1]! += signal;
}

function bitsOf(value: number): number {
  view.setFloat32(0, value);
  return view.getUint32(0);
}

function floatOf(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}
