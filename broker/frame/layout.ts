/**
 * The frame, byte by byte; all numbers little-endian. [protocol §6]
 *
 * | at  | bytes | field         | meaning                                                            |
 * |-----|-------|---------------|--------------------------------------------------------------------|
 * |   0 |     2 | length        | bytes from here to the signature: 382                              |
 * |   2 |     1 | version       | 1                                                                  |
 * |   3 |     1 | digest        | 1 SHA-256, 2 BLAKE2b-512, 3 tag of a session                       |
 * |   4 |     1 | kind          | 1 activation, 2 gradient, 3 labels, 4 state-down, 5 state-up,      |
 * |     |       |               | 6 state-replica                                                    |
 * |   5 |     1 | dtype         | 1 float32, 2 float16, 3 int64, 4 int32, 5 uint8, 6 int8            |
 * |   6 |     1 | codec         | 0 raw; others belong to the codecs                                 |
 * |   7 |     1 | rank          | dimensions used of `shape`, 0 to 6                                 |
 * |   8 |     8 | incarnation   | of the sender's link; grows with each one, below 2^53              |
 * |  16 |     8 | sequence      | of the tensor on the link, from 0, below 2^53                      |
 * |  24 |     4 | term          | of the plan                                                        |
 * |  28 |     4 | step          |                                                                    |
 * |  32 |     4 | micro-batch   |                                                                    |
 * |  36 |     4 | slot          | which of several tensors of one kind, step and micro-batch         |
 * |  40 |     4 | chunk         | number of this chunk, from 0                                       |
 * |  44 |     4 | chunks        | of the tensor: one for each started MiB, at least 1                |
 * |  48 |     4 | payload bytes | in this frame: 1 MiB, but the rest in the last chunk               |
 * |  52 |     4 | total bytes   | of the encoded tensor                                              |
 * |  56 |  6×4  | shape         | of the tensor before encoding; zeros after `rank`                  |
 * |  80 |    16 | codec params  | what the codec needs to decode; zeros for raw                      |
 * |  96 |    32 | fleet         | ids: ASCII, filled up with zeros                                   |
 * | 128 |    32 | from          | the sending board, which signs                                     |
 * | 160 |    32 | to            | the receiving board                                                |
 * | 192 |    48 | run           |                                                                    |
 * | 240 |    80 | name          | of a tensor of a block's state; empty elsewhere                    |
 * | 320 |    64 | digest        | of the payload, filled up with zeros; or the fields of a tag       |
 * | 384 |    64 | signature     | Ed25519 over `flotilla frame 1\n` and bytes 0 to 383; or the tag of |
 * |     |       |               | a session over the same (HMAC-SHA256), filled up with zeros        |
 * | 448 |     n | payload       | 448 is a multiple of 64, so a frame in aligned memory has it aligned |
 */
import { MAX_ID_BYTES } from '../ids.ts';

export const FRAME_VERSION = 1;
export const MAX_RANK = 6;
export const CODEC_PARAMS_BYTES = 16;
export const DIGEST_FIELD_BYTES = 64;
export const SIGNATURE_FIELD_BYTES = 64;

export const at = {
  length: 0,
  version: 2,
  digest: 3,
  kind: 4,
  dtype: 5,
  codec: 6,
  rank: 7,
  incarnation: 8,
  sequence: 16,
  term: 24,
  step: 28,
  microBatch: 32,
  slot: 36,
  chunk: 40,
  chunks: 44,
  payloadBytes: 48,
  totalBytes: 52,
  shape: 56,
  codecParams: 80,
  fleet: 96,
  from: 128,
  to: 160,
  run: 192,
  name: 240,
  payloadDigest: 320,
  signature: 384,
  payload: 448,
} as const;

export const LENGTH_FIELD_BYTES = 2;
/** Where a tag lies in the digest field: 16 bytes of Poly1305, the counter that they are under, the session's number. */
export const tagFields = {
  tag: at.payloadDigest,
  counter: at.payloadDigest + 16,
  session: at.payloadDigest + 24,
} as const;

/** What the length field says. */
export const HEADER_LENGTH = at.signature - LENGTH_FIELD_BYTES;
/** Bytes in front of the payload. */
export const FRAME_OVERHEAD_BYTES = at.payload;

/** Id fields: where, how long, and by which rule. */
export const idFields = {
  fleet: { at: at.fleet, bytes: MAX_ID_BYTES.fleet, kind: 'fleet' },
  from: { at: at.from, bytes: MAX_ID_BYTES.board, kind: 'board' },
  to: { at: at.to, bytes: MAX_ID_BYTES.board, kind: 'board' },
  run: { at: at.run, bytes: MAX_ID_BYTES.run, kind: 'run' },
  name: { at: at.name, bytes: MAX_ID_BYTES.tensor, kind: 'tensor' },
} as const;

/** Four-byte number fields. */
export const numberFields = {
  term: at.term,
  step: at.step,
  microBatch: at.microBatch,
  slot: at.slot,
  chunk: at.chunk,
  chunks: at.chunks,
  payloadBytes: at.payloadBytes,
  totalBytes: at.totalBytes,
} as const;

/** Eight-byte number fields; values stay below 2^53. */
export const longFields = { incarnation: at.incarnation, sequence: at.sequence } as const;

// Keeps a signature of a frame from being one of a message or a token.
const DOMAIN = Buffer.from('flotilla frame 1\n');

/** The bytes that a frame's signature, or the tag of its head, is over. */
export function signedPart(frame: Uint8Array): Uint8Array {
  return Buffer.concat([DOMAIN, frame.subarray(0, at.signature)]);
}
