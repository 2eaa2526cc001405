import type { TensorMemory } from '../../broker/index.ts';

/** Bytes of a frame's field for codec parameters; what a codec does not use is zero. [docs/protocol.md] */
export const codecParamsBytes = 16;

/** What a frame's header says of its payload. The receiver needs nothing else. */
export interface CodecHeader {
  readonly id: number;
  /** `codecParamsBytes` bytes. */
  readonly params: Uint8Array;
}

/** What an encoder may use. */
export interface EncodeContext {
  /** Where the payload goes, where its length is known before. */
  readonly memory: TensorMemory;
  /** Of the stochastic rounding: a whole number below 2^32. The same seed gives the same bytes. */
  readonly seed: number;
  /** Which of a step's tensors this is, where a codec carries something over from step to step; 0 where absent. */
  readonly microBatch?: number;
}

/** An encoded tensor, and what was lost. */
export interface Encoded {
  /** Not always the codec's own: what it cannot hold, or what it would not make shorter, goes as float32. */
  readonly codec: CodecHeader;
  /** The values' own memory, one that was taken from the context's, or another. */
  readonly payload: Uint8Array;
  /** Root of the squared error over the squared values, of about a seventh of the tensor; 0 where nothing was lost. */
  readonly relativeError: number;
  /** How many values are NaN or infinite; not counted by float32, which looks at none. */
  readonly notFinite: number;
}

/** How the float values of a tensor become the bytes of a frame's payload. Its id and parameters go with the frame. */
export interface Codec extends CodecHeader {
  /** The id is on the wire, and never given to another codec. */
  readonly name: string;
  /** Of a value, without what a group adds. */
  readonly bits: number;
  /** @param values any shape, flattened; they are left as they are */
  encode(values: Float32Array, context: EncodeContext): Encoded;
  /**
   * @param payload all of its buffer. The values may lie in it, and then it may not be used for anything else
   * @param count values expected
   * @param memory where the values go that do not
   * @throws CodecError where the payload is not of that many values
   */
  decode(payload: Uint8Array, count: number, memory: TensorMemory): Float32Array;
  /**
   * Bytes of the encoded payload of `count` values: exactly, or at most where its length depends on the values. What
   * the codec cannot hold goes as float32 and takes 4 bytes a value.
   */
  estimate(count: number): number;
  /** Whether the estimate is exact. */
  readonly hasFixedLength: boolean;
  /**
   * Only where it is not: looks whether `decode` would take the payload.
   * @throws CodecError where it would not
   */
  check?(payload: Uint8Array, count: number): void;
}
