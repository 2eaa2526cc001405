/** Bytes of a frame's field for codec parameters; what a codec does not use is zero. [docs/protocol.md] */
export const codecParamsBytes = 16;

/** How the float values of a tensor become the bytes of a frame's payload. Its id and parameters go with the frame. */
export interface Codec {
  /** On the wire; never given to another codec. */
  readonly id: number;
  readonly name: string;
  /** `codecParamsBytes` bytes. */
  readonly params: Uint8Array;
  /** @param values any shape, flattened */
  encode(values: Float32Array): Uint8Array;
  /**
   * @param payload all of its buffer. The values may lie in it, and then it may not be used for anything else
   * @param count values expected
   * @throws CodecError where the payload is not of that many values
   */
  decode(payload: Uint8Array, count: number): Float32Array;
  /** Bytes of the encoded payload of `count` values. */
  estimate(count: number): number;
}
