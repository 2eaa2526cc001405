import { hashKey, type Key, type KeyPart } from './key.ts';
import { portableLog } from './logarithm.ts';

const TWO_TO_32 = 2 ** 32;
const TO_UNIT = 2 ** -32;
const TO_UNIT_FLOAT32 = 2 ** -24;

/** Rounds after which sfc32's output no longer shows how its state was seeded. */
const WARM_UP_ROUNDS = 12;

/**
 * A sequence of random numbers that depends on its key alone (see `randomStream`).
 *
 * The generator is sfc32 (Doty-Humphrey, PractRand): 128 bits of state of which one word counts, so that no cycle is
 * shorter than 2^32. Only 32-bit integer operations, +, -, *, / and square roots (which IEEE 754 rounds exactly) are
 * used, hence the same numbers on every machine.
 */
export class RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;
  #spareNormal: number | undefined;

  constructor(key: Key) {
    [this.#a, this.#b, this.#c, this.#counter] = key;
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.#next();
  }

  /** The next 32 bits, as a signed integer. */
  #next(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result;
  }

  /** A number in [0, 1) with 32 random bits. */
  uniform(): number {
    return (this.#next() >>> 0) * TO_UNIT;
  }

  /** An integer in [0, n), without bias. `n` is an integer in 1..2^32; anything else is a RangeError. */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > TWO_TO_32) {
      throw new RangeError(`integer(${n}): give a whole number between 1 and 2^32`);
    }
    const limit = TWO_TO_32 - (TWO_TO_32 % n); // numbers above the last whole multiple of n would favour small results
    let value = this.#next() >>> 0;
    while (value >= limit) value = this.#next() >>> 0;
    return value % n;
  }

  /** A number of the standard normal distribution, by Marsaglia's polar method (two at a time). */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    for (;;) {
      const x = this.#next() * (2 * TO_UNIT);
      const y = this.#next() * (2 * TO_UNIT);
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const factor = Math.sqrt((-2 * portableLog(square)) / square);
      this.#spareNormal = y * factor;
      return x * factor;
    }
  }

  /** Fills with numbers of [low, high) that have 24 random bits; rounding to float32 may give `high` itself. */
  fillUniform(target: Float32Array, low: number, high: number): void {
    const scale = (high - low) * TO_UNIT_FLOAT32;
    for (let i = 0; i < target.length; i++) target[i] = low + (this.#next() >>> 8) * scale;
  }

  /** Fills with numbers of the normal distribution with this mean and standard deviation. */
  fillNormal(target: Float32Array, mean: number, std: number): void {
    for (let i = 0; i < target.length; i++) target[i] = mean + std * this.normal();
  }

  /**
   * Fills a dropout mask: 1/keepProbability with that probability, else 0, so that the expected value is 1.
   * Throws RangeError unless 0 < keepProbability ≤ 1.
   */
  bernoulliMask(target: Float32Array, keepProbability: number): void {
    if (!(keepProbability > 0 && keepProbability <= 1)) {
      throw new RangeError(`bernoulliMask: keepProbability is ${keepProbability}, it must be above 0 and at most 1`);
    }
    const threshold = Math.round(keepProbability * TWO_TO_32);
    const kept = 1 / keepProbability;
    for (let i = 0; i < target.length; i++) target[i] = this.#next() >>> 0 < threshold ? kept : 0;
  }

  /** The integers 0 … n-1 in random order (Fisher-Yates). */
  permutation(n: number): Uint32Array<ArrayBuffer> {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let last = n - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const moved = order[last]!;
      order[last] = order[other]!;
      order[other] = moved;
    }
    return order;
  }
}

/**
 * The random numbers that belong to a key, for example `randomStream(seed, 'dropout', step, microBatch, node)`.
 *
 * The same key always gives the same numbers, whatever else was drawn before, in whichever process or machine; different
 * keys give unrelated numbers. So a replayed step, or another split of the model over boards, sees the same randomness.
 * Keys are finite numbers and strings; NaN and infinities are a RangeError.
 */
export function randomStream(seed: KeyPart, ...path: KeyPart[]): RandomStream {
  return new RandomStream(hashKey([seed, ...path]));
}
