// AssemblyScript, not TypeScript: `npm run build:codec` compiles it into ../kernel/wasm-bytes.ts.
// `../kernel/twin.ts` is the same in plain TypeScript, and the format's reference. [docs/codec.md]
//
// One page of memory; `../kernel/layout.ts` has the same addresses. Values do not begin at a page: from there the
// machine's memcpy into other memory was ten times slower (docs/decisions/0012).
const RESULT: usize = 0;
const DITHER: usize = 32;
const PACK_TABLE: usize = 256;
const SPREAD_TABLE: usize = 512;
// Constants of vectors are read from here: V8 makes one that is written into the code anew at every use.
const LOW_BITS: usize = 768;
const HIGH_BITS: usize = 784;
const BYTES: usize = 800;
const ONE: usize = 816;
const ONE_AND_A_HALF: usize = 832;
const ODD_SIGNS: usize = 848;
const UPPER_SIGNS: usize = 864;
const SIGNS: usize = 1024;
const VALUES: usize = 2112;
const SCRATCH: usize = 20544;
const PAYLOAD: usize = 40064;

/** Values of one unit of bit planes: a plane of it is a 32-bit word. */
const UNIT: i32 = 32;
/** Every 7th group is decoded again for its error; no power of two, as rows and channels often are. */
const SAMPLED: i32 = 7;
/** 1.5 · 2^23: added to a float, it leaves the nearest whole number (even on ties) in the low bits. */
const MAGIC: f32 = 12582912;
const LEAST_SCALE: f32 = 1.1754943508222875e-38;
const NOT_FINITE: i32 = -1;

// Of the group under way.
let scale: f32 = 0;
let inverse: f32 = 0;
/** Taken from a value before it is scaled. */
let origin: f32 = 0;
/** The code of a value that equals the origin. */
let zeroCode: f32 = 0;

/** Sets the range of the group at `from` and writes its header at `to`. False where a value is not finite or too large. */
function openGroup(from: usize, to: usize, size: i32, levels: f32, symmetric: bool): bool {
  let low = v128.load(from);
  let high = low;
  let sum = low;
  // Two of each, so that one need not wait for the other.
  let otherLow = v128.load(from + 16);
  let otherHigh = otherLow;
  let otherSum = otherLow;
  for (let at = from + 32, end = from + ((<usize>size) << 2); at < end; at += 32) {
    const value = v128.load(at);
    const other = v128.load(at + 16);
    low = f32x4.pmin(low, value);
    high = f32x4.pmax(high, value);
    sum = f32x4.add(sum, value);
    otherLow = f32x4.pmin(otherLow, other);
    otherHigh = f32x4.pmax(otherHigh, other);
    otherSum = f32x4.add(otherSum, other);
  }
  low = f32x4.pmin(low, otherLow);
  high = f32x4.pmax(high, otherHigh);
  sum = f32x4.add(sum, otherSum);
  low = f32x4.pmin(low, v128.shuffle<i32>(low, low, 2, 3, 0, 1));
  low = f32x4.pmin(low, v128.shuffle<i32>(low, low, 1, 0, 3, 2));
  high = f32x4.pmax(high, v128.shuffle<i32>(high, high, 2, 3, 0, 1));
  high = f32x4.pmax(high, v128.shuffle<i32>(high, high, 1, 0, 3, 2));
  sum = f32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1));
  sum = f32x4.add(sum, v128.shuffle<i32>(sum, sum, 1, 0, 3, 2));
  const total = f32x4.extract_lane(sum, 0);
  if (total - total != 0) return false;
  // Which of the two zeros was found first does not matter: the sum is +0.
  const least: f32 = f32x4.extract_lane(low, 0) + 0;
  const most = f32x4.extract_lane(high, 0);
  if (symmetric) {
    const negated: f32 = -least;
    const largest: f32 = negated > most ? negated : most;
    zeroCode = levels == 1 ? 0 : (levels - 1) * 0.5;
    setScale(levels == 1 ? largest * 2 : largest * (1 / zeroCode));
    origin = levels == 1 ? -(scale * 0.5) : 0;
    store<u16>(to, <u16>(reinterpret<u32>(scale) >> 16));
    return fits(levels);
  }
  const bits = reinterpret<u32>(least);
  // Rounded down: what is negative grows.
  const rounded = (bits >> 31 ? bits + 0xffff : bits) & 0xffff0000;
  origin = reinterpret<f32>(rounded);
  zeroCode = 0;
  setScale((most - origin) * (1 / levels));
  store<u16>(to, <u16>(rounded >> 16));
  store<u16>(to + 2, <u16>(reinterpret<u32>(scale) >> 16));
  return fits(levels) && origin - origin == 0;
}

/** Whether the receiver's product of scale and code stays finite. */
function fits(levels: f32): bool {
  const widest = scale * levels;
  return widest - widest == 0;
}

/** Rounds up to a bfloat16, so that the largest value has a code. */
function setScale(wanted: f32): void {
  if (wanted == 0) {
    scale = 0;
    inverse = 0;
    return;
  }
  const up = reinterpret<f32>((reinterpret<u32>(wanted) + 0xffff) & 0xffff0000);
  scale = up < LEAST_SCALE ? LEAST_SCALE : up;
  inverse = 1 / scale;
}

// @ts-expect-error: decorator
@inline
function nearest(at: usize, from: v128, factor: v128, add: v128, mask: v128): v128 {
  const scaled = f32x4.mul(f32x4.sub(v128.load(at), from), factor);
  return v128.and(f32x4.add(scaled, add), mask);
}

// @ts-expect-error: decorator
@inline
function pack(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

// @ts-expect-error: decorator
@inline
function storePlanes(to: usize, first: v128, second: v128, bits: i32): void {
  let a = i16x8.shl(first, 8 - bits);
  let b = i16x8.shl(second, 8 - bits);
  for (let end = to + ((<usize>bits) << 2); to < end; to += 4) {
    store<u32>(to, i8x16.bitmask(a) | (i8x16.bitmask(b) << 16));
    a = i8x16.add(a, a);
    b = i8x16.add(b, b);
  }
}

function packNearest(from: usize, to: usize, size: i32, bits: i32): void {
  const mask = v128.load(BYTES);
  const start = f32x4.splat(origin);
  const factor = f32x4.splat(inverse);
  const add = f32x4.splat(MAGIC + zeroCode);
  for (let unit = 0; unit < size; unit += UNIT) {
    const first = pack(
      nearest(from, start, factor, add, mask),
      nearest(from + 16, start, factor, add, mask),
      nearest(from + 32, start, factor, add, mask),
      nearest(from + 48, start, factor, add, mask),
    );
    const second = pack(
      nearest(from + 64, start, factor, add, mask),
      nearest(from + 80, start, factor, add, mask),
      nearest(from + 96, start, factor, add, mask),
      nearest(from + 112, start, factor, add, mask),
    );
    storePlanes(to, first, second, bits);
    from += 128;
    to += (<usize>bits) << 2;
  }
}

/** Four numbers of [-0.5, 0.5): one step of xorshift32 in each lane. */
// @ts-expect-error: decorator
@inline
function dither(one: v128, shift: v128): v128 {
  let state = v128.load(DITHER);
  state = v128.xor(state, i32x4.shl(state, 13));
  state = v128.xor(state, i32x4.shr_u(state, 17));
  state = v128.xor(state, i32x4.shl(state, 5));
  v128.store(DITHER, state);
  const unit = v128.or(i32x4.shr_u(state, 9), one);
  return f32x4.sub(unit, shift);
}

// @ts-expect-error: decorator
@inline
function drawn(at: usize, least: v128, most: v128): v128 {
  const scaled = f32x4.mul(f32x4.sub(v128.load(at), f32x4.splat(origin)), f32x4.splat(inverse));
  const moved = f32x4.pmin(f32x4.pmax(f32x4.add(scaled, dither(v128.load(ONE), v128.load(ONE_AND_A_HALF))), least), most);
  return v128.and(f32x4.add(moved, f32x4.splat(MAGIC + zeroCode)), v128.load(BYTES));
}

function packStochastic(from: usize, to: usize, size: i32, bits: i32, levels: f32): void {
  const least = f32x4.splat(-zeroCode);
  const most = f32x4.splat((zeroCode == 0 ? levels : zeroCode));
  for (let unit = 0; unit < size; unit += UNIT) {
    const a = drawn(from, least, most);
    const b = drawn(from + 16, least, most);
    const c = drawn(from + 32, least, most);
    const d = drawn(from + 48, least, most);
    const e = drawn(from + 64, least, most);
    const f = drawn(from + 80, least, most);
    const g = drawn(from + 96, least, most);
    const h = drawn(from + 112, least, most);
    storePlanes(to, pack(a, b, c, d), pack(e, f, g, h), bits);
    from += 128;
    to += (<usize>bits) << 2;
  }
}

// @ts-expect-error: decorator
@inline
function storeFour(to: usize, codes: v128, factor: v128, add: v128): void {
  v128.store(to, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(codes), factor), add));
}

// @ts-expect-error: decorator
@inline
function decodeGroup(from: usize, to: usize, size: i32, bits: i32, levels: f32, symmetric: bool): void {
  let step: f32, start: f32;
  if (symmetric) {
    step = reinterpret<f32>((<u32>load<u16>(from)) << 16);
    start = levels == 1 ? -(step * 0.5) : -(step * ((levels - 1) * 0.5));
    from += 2;
  } else {
    start = reinterpret<f32>((<u32>load<u16>(from)) << 16);
    step = reinterpret<f32>((<u32>load<u16>(from + 2)) << 16);
    from += 4;
  }
  const factor = f32x4.splat(step);
  const add = f32x4.splat(start);
  // Every lane holds the whole word of a plane, and looks at one bit of each of its bytes.
  const lowBits = v128.load(LOW_BITS);
  const highBits = v128.load(HIGH_BITS);
  const mask = v128.load(BYTES);
  for (let unit = 0; unit < size; unit += UNIT) {
    let low = i8x16.splat(0);
    let high = low;
    for (let end = from + ((<usize>bits) << 2); from < end; from += 4) {
      const word = v128.load_splat<u32>(from);
      low = i8x16.sub(i8x16.add(low, low), i8x16.eq(v128.and(word, lowBits), lowBits));
      high = i8x16.sub(i8x16.add(high, high), i8x16.eq(v128.and(word, highBits), highBits));
    }
    storeFour(to, v128.and(low, mask), factor, add);
    storeFour(to + 16, v128.and(high, mask), factor, add);
    storeFour(to + 32, v128.and(i32x4.shr_u(low, 8), mask), factor, add);
    storeFour(to + 48, v128.and(i32x4.shr_u(high, 8), mask), factor, add);
    storeFour(to + 64, v128.and(i32x4.shr_u(low, 16), mask), factor, add);
    storeFour(to + 80, v128.and(i32x4.shr_u(high, 16), mask), factor, add);
    storeFour(to + 96, i32x4.shr_u(low, 24), factor, add);
    storeFour(to + 112, i32x4.shr_u(high, 24), factor, add);
    to += 128;
  }
}

/** Adds the squares of a group's errors and of its values, as the receiver will have them. */
function addError(from: usize, coded: usize, size: i32, bits: i32, levels: f32, symmetric: bool): void {
  const decoded = SCRATCH + 18432;
  decodeGroup(coded, decoded, size, bits, levels, symmetric);
  let error = f64x2.splat(0);
  let signal = f64x2.splat(0);
  for (let at: usize = 0, end = (<usize>size) << 2; at < end; at += 16) {
    const value = v128.load(from + at);
    const difference = f32x4.sub(value, v128.load(decoded + at));
    const a = f64x2.promote_low_f32x4(difference);
    const b = f64x2.promote_low_f32x4(v128.shuffle<i32>(difference, difference, 2, 3, 0, 1));
    error = f64x2.add(error, f64x2.add(f64x2.mul(a, a), f64x2.mul(b, b)));
    const c = f64x2.promote_low_f32x4(value);
    const d = f64x2.promote_low_f32x4(v128.shuffle<i32>(value, value, 2, 3, 0, 1));
    signal = f64x2.add(signal, f64x2.add(f64x2.mul(c, c), f64x2.mul(d, d)));
  }
  const sums = v128.load(RESULT);
  const both = f64x2(
    f64x2.extract_lane(error, 0) + f64x2.extract_lane(error, 1),
    f64x2.extract_lane(signal, 0) + f64x2.extract_lane(signal, 1),
  );
  v128.store(RESULT, f64x2.add(sums, both));
}

/**
 * Values at VALUES (at SCRATCH where `compacted`) → groups from PAYLOAD + `offset` on; the end's offset, or NOT_FINITE.
 * `number` is that of the first group in its tensor.
 */
export function encode(
  groups: i32, size: i32, bits: i32, symmetric: bool, stochastic: bool, compacted: bool, offset: i32, number: i32,
): i32 {
  const levels = <f32>((1 << bits) - 1);
  const headerBytes: usize = symmetric ? 2 : 4;
  const groupBytes = headerBytes + ((<usize>(size * bits)) >> 3);
  let from = compacted ? SCRATCH : VALUES;
  let to = PAYLOAD + <usize>offset;
  for (let group = 0; group < groups; group++) {
    if (!openGroup(from, to, size, levels, symmetric)) return NOT_FINITE;
    if (stochastic) packStochastic(from, to + headerBytes, size, bits, levels);
    else packNearest(from, to + headerBytes, size, bits);
    if ((number + group) % SAMPLED == 0) addError(from, to, size, bits, levels, symmetric);
    from += (<usize>size) << 2;
    to += groupBytes;
  }
  return <i32>(to - PAYLOAD);
}

/** The opposite of `encode`. */
export function decode(groups: i32, size: i32, bits: i32, symmetric: bool, compacted: bool, offset: i32): void {
  const levels = <f32>((1 << bits) - 1);
  const groupBytes = (symmetric ? <usize>2 : <usize>4) + ((<usize>(size * bits)) >> 3);
  let from = PAYLOAD + <usize>offset;
  let to = compacted ? SCRATCH : VALUES;
  for (let group = 0; group < groups; group++) {
    decodeGroup(from, to, size, bits, levels, symmetric);
    from += groupBytes;
    to += (<usize>size) << 2;
  }
}

/** Turns the blocks of 2^`log2` values at VALUES: signs, then Walsh-Hadamard; `back` is its inverse. */
export function rotate(count: i32, log2: i32, back: bool): void {
  const bytes: usize = (<usize>4) << log2;
  const norm = f32x4.splat(<f32>(1 / Math.sqrt(<f64>(1 << log2))));
  for (let block = VALUES, end = VALUES + ((<usize>count) << 2); block < end; block += bytes) {
    for (let at: usize = 0; at < bytes; at += 16) {
      let value = v128.load(block + at);
      if (!back) value = v128.xor(value, v128.load(SIGNS + at));
      value = withinFour(value);
      v128.store(block + at, value);
    }
    for (let half: usize = 16; half < bytes; half <<= 1) {
      for (let start = block; start < block + bytes; start += half << 1) {
        for (let at = start; at < start + half; at += 16) {
          const a = v128.load(at);
          const b = v128.load(at + half);
          v128.store(at, f32x4.add(a, b));
          v128.store(at + half, f32x4.sub(a, b));
        }
      }
    }
    for (let at: usize = 0; at < bytes; at += 16) {
      const value = f32x4.mul(v128.load(block + at), norm);
      v128.store(block + at, back ? v128.xor(value, v128.load(SIGNS + at)) : value);
    }
  }
}

// @ts-expect-error: decorator
@inline
function withinFour(value: v128): v128 {
  const pairs = f32x4.add(
    v128.shuffle<i32>(value, value, 1, 0, 3, 2),
    v128.xor(value, v128.load(ODD_SIGNS)),
  );
  return f32x4.add(
    v128.shuffle<i32>(pairs, pairs, 2, 3, 0, 1),
    v128.xor(pairs, v128.load(UPPER_SIGNS)),
  );
}

/**
 * Writes which of `count` values at VALUES are not zero to PAYLOAD, a bit each, and those values to SCRATCH, filled up
 * with the last to a multiple of `size`; how many they are without the filling.
 */
export function compact(count: i32, size: i32): i32 {
  let to = SCRATCH;
  let mask = PAYLOAD;
  for (let at = VALUES, end = VALUES + ((<usize>count) << 2); at < end; at += 32) {
    const a = v128.load(at);
    const b = v128.load(at + 16);
    const first = i32x4.bitmask(f32x4.ne(a, f32x4.splat(0)));
    const second = i32x4.bitmask(f32x4.ne(b, f32x4.splat(0)));
    store<u8>(mask++, first | (second << 4));
    v128.store(to, v128.swizzle(a, v128.load(PACK_TABLE + ((<usize>first) << 4))));
    to += (<usize>i32.popcnt(first)) << 2;
    v128.store(to, v128.swizzle(b, v128.load(PACK_TABLE + ((<usize>second) << 4))));
    to += (<usize>i32.popcnt(second)) << 2;
  }
  const kept = <i32>((to - SCRATCH) >> 2);
  if (kept == 0) return 0;
  const last = load<f32>(to - 4);
  for (let filled = kept; filled % size != 0; filled++) {
    store<f32>(to, last);
    to += 4;
  }
  return kept;
}

/** The opposite of `compact`. */
export function spread(count: i32): void {
  let from = SCRATCH;
  let mask = PAYLOAD;
  for (let at = VALUES, end = VALUES + ((<usize>count) << 2); at < end; at += 32) {
    const bits = <i32>load<u8>(mask++);
    const first = bits & 15;
    const second = bits >> 4;
    v128.store(at, v128.swizzle(v128.load(from), v128.load(SPREAD_TABLE + ((<usize>first) << 4))));
    from += (<usize>i32.popcnt(first)) << 2;
    v128.store(at + 16, v128.swizzle(v128.load(from), v128.load(SPREAD_TABLE + ((<usize>second) << 4))));
    from += (<usize>i32.popcnt(second)) << 2;
  }
}
