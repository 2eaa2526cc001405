/** The inner loops of the bit-plane codec, on a page of memory of their own (`layout.ts`). Not for two at once. */
export interface Kernel {
  readonly name: 'wasm' | 'plain';
  readonly memory: ArrayBuffer;
  /**
   * `groups` groups of `size` values (at `values`, or at `scratch` where `compacted`) → `payload` + `offset`.
   * `number` is that of the first group in its tensor. Gives the offset of the end, or `NOT_FINITE`.
   */
  encode(
    groups: number,
    size: number,
    bits: number,
    symmetric: boolean,
    stochastic: boolean,
    compacted: boolean,
    offset: number,
    number: number,
  ): number;
  /** The opposite of `encode`. */
  decode(groups: number, size: number, bits: number, symmetric: boolean, compacted: boolean, offset: number): void;
  /** Turns blocks of 2^`log2` values at `values`: signs, then Walsh-Hadamard; `back` is its inverse. */
  rotate(count: number, log2: number, back: boolean): void;
  /**
   * Writes which of `count` values are not zero to `payload`, a bit each, and those to `scratch`, filled up with the
   * last to a multiple of `size`. Gives how many they are. `count` is a multiple of 8.
   */
  compact(count: number, size: number): number;
  /** The opposite of `compact`. */
  spread(count: number): void;
}
