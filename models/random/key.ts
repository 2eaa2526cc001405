/**
 * Turns a path such as (seed, step, micro-batch, node name) into the 128 bits a generator starts from.
 *
 * Every part is absorbed as 32-bit words behind a word that says its kind and length, so that ('ab', 'c') and
 * ('a', 'bc'), or 1 and '1', are different keys. Only 32-bit integer operations are used: the same path gives the same
 * bits on every machine.
 */

/** One part of a key: any finite number, or a string. */
export type KeyPart = number | string;

/** Four 32-bit words. */
export type Key = readonly [number, number, number, number];

const NUMBER_TAG = 0x4e000000;
const STRING_TAG = 0x53000000;
const GOLDEN_RATIO = 0x9e3779b9; // 2^32 divided by the golden ratio: spreads consecutive positions

const bits = new DataView(new ArrayBuffer(8));

/** The finaliser of MurmurHash3 (Appleby): a bijection of 32-bit words whose every input bit flips half the output. */
function scramble(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

class Absorber {
  #lanes: [number, number, number, number] = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]; // digits of pi
  #position = 0;

  /** For a fixed word this is a bijection of the four lanes: what was absorbed before is never lost. */
  word(value: number): void {
    this.#position = (this.#position + GOLDEN_RATIO) | 0;
    let [a, b, c, d] = this.#lanes;
    a = scramble(a ^ scramble(value + this.#position));
    b = scramble((b + a) | 0);
    c = scramble(c ^ b);
    d = scramble((d + c) | 0);
    this.#lanes = [(a + d) | 0, b, c, d];
  }

  number(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`a random key cannot contain ${value}: give finite numbers`);
    bits.setFloat64(0, value === 0 ? 0 : value); // -0 is the same key as 0
    this.word(NUMBER_TAG);
    this.word(bits.getInt32(0));
    this.word(bits.getInt32(4));
  }

  string(value: string): void {
    this.word(STRING_TAG ^ value.length);
    for (let i = 0; i < value.length; i += 2) {
      const second = i + 1 < value.length ? value.charCodeAt(i + 1) : 0;
      this.word(value.charCodeAt(i) | (second << 16));
    }
  }

  /** Further rounds carry the last words from the first lane into all four. */
  finish(): Key {
    for (let round = 0; round < 4; round++) this.word(0);
    return this.#lanes;
  }
}

/** Hashes a path of numbers and strings into 128 bits. Throws RangeError for NaN and infinities. */
export function hashKey(parts: readonly KeyPart[]): Key {
  const absorber = new Absorber();
  for (const part of parts) {
    if (typeof part === 'number') absorber.number(part);
    else absorber.string(part);
  }
  return absorber.finish();
}
