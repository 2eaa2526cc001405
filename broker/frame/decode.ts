import { type IdKind, isId } from '../ids.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { noSessions } from '../session/book.ts';
import { MAX_FRAME_PAYLOAD_BYTES } from '../topics.ts';
import { digestOf, digests } from './digest.ts';
import { chunkFits, type FrameHeader, shapeFits } from './header.ts';
import { dataTypeOf, frameKindOf, RAW_CODEC } from './kinds.ts';
import {
  at,
  CODEC_PARAMS_BYTES,
  DIGEST_FIELD_BYTES,
  FRAME_OVERHEAD_BYTES,
  FRAME_VERSION,
  HEADER_LENGTH,
  idFields,
  MAX_RANK,
  SIGNATURE_FIELD_BYTES,
  tagFields,
} from './layout.ts';
import { digestProblem, headProblem, startPayloadDigest, type Trust } from './proof.ts';
import type { MalformedReason, UntrustedReason } from './reasons.ts';

/** A frame taken apart; `payload` is a view of the bytes it came in. */
export interface ParsedFrame {
  readonly header: FrameHeader;
  readonly payload: Buffer;
}

export type Parsed = ({ readonly ok: true } & ParsedFrame) | { readonly ok: false; readonly reason: MalformedReason };
export type Opened =
  | ({ readonly ok: true } & ParsedFrame)
  | { readonly ok: false; readonly reason: MalformedReason | UntrustedReason };

const U32_END = 2 ** 32;
/** The upper half of a long below 2^53 is below this. */
const LONG_HIGH_END = 2 ** 21;

/** Takes any bytes apart. Nothing of the result is to be believed before `headProblem` and `payloadProblem`. */
export function parseFrame(bytes: Buffer): Parsed {
  if (bytes.length < FRAME_OVERHEAD_BYTES) return { ok: false, reason: 'too-short' };
  const header = parseHead(bytes, bytes.length - FRAME_OVERHEAD_BYTES);
  if (typeof header === 'string') return { ok: false, reason: header };
  return { ok: true, header, payload: bytes.subarray(at.payload) };
}

/** The header of a frame whose payload has so many bytes, or what is wrong with it. `head` has 448 bytes or more. */
export function parseHead(head: Buffer, payloadBytes: number): FrameHeader | MalformedReason {
  if (payloadBytes > MAX_FRAME_PAYLOAD_BYTES) return 'too-large';
  // A later version may have a longer header, so the version is asked for first.
  if (head[at.version] !== FRAME_VERSION) return 'unsupported-version';
  if (head.readUInt16LE(at.length) !== HEADER_LENGTH) return 'bad-length';
  return head.readUInt32LE(at.payloadBytes) === payloadBytes ? readHeader(head) : 'bad-length';
}

function readHeader(bytes: Buffer): FrameHeader | MalformedReason {
  const digest = digestOf(bytes[at.digest] as number);
  if (digest === undefined) return 'unknown-digest';
  const kind = frameKindOf(bytes[at.kind] as number);
  if (kind === undefined) return 'unknown-kind';
  const dtype = dataTypeOf(bytes[at.dtype] as number);
  if (dtype === undefined) return 'unknown-dtype';
  const shape = readShape(bytes);
  if (shape === null) return 'bad-shape';
  const incarnation = readLong(bytes, at.incarnation);
  const sequence = readLong(bytes, at.sequence);
  if (incarnation === null || sequence === null) return 'bad-number';
  const ids = readIds(bytes);
  if (ids === null) return 'bad-id';
  const header = { digest, kind, dtype, shape, incarnation, sequence, ...ids, ...readNumbers(bytes) };
  return consistencyProblem(bytes, header) ?? header;
}

function consistencyProblem(bytes: Buffer, header: FrameHeader): MalformedReason | null {
  const { bytes: digestBytes, proofBytes } = digests[header.digest];
  if (!isZero(bytes, at.payloadDigest + digestBytes, at.payloadDigest + DIGEST_FIELD_BYTES)) return 'bad-padding';
  if (!isZero(bytes, at.signature + proofBytes, at.signature + SIGNATURE_FIELD_BYTES)) return 'bad-padding';
  if (header.digest === 'poly1305' && readLong(bytes, tagFields.counter) === null) return 'bad-number';
  if (header.codec.id === RAW_CODEC && !isZero(bytes, at.codecParams, at.codecParams + CODEC_PARAMS_BYTES)) {
    return 'bad-padding';
  }
  if (!shapeFits(header)) return 'bad-shape';
  return chunkFits(header) ? null : 'bad-chunk';
}

function readNumbers(bytes: Buffer) {
  return {
    codec: {
      id: bytes[at.codec] as number,
      // A copy: a view would keep the whole frame in memory as long as somebody looks at the header.
      params: new Uint8Array(bytes.subarray(at.codecParams, at.codecParams + CODEC_PARAMS_BYTES)),
    },
    term: bytes.readUInt32LE(at.term),
    step: bytes.readUInt32LE(at.step),
    microBatch: bytes.readUInt32LE(at.microBatch),
    slot: bytes.readUInt32LE(at.slot),
    chunk: bytes.readUInt32LE(at.chunk),
    chunks: bytes.readUInt32LE(at.chunks),
    payloadBytes: bytes.readUInt32LE(at.payloadBytes),
    totalBytes: bytes.readUInt32LE(at.totalBytes),
  };
}

function readShape(bytes: Buffer): readonly number[] | null {
  const rank = bytes[at.rank] as number;
  if (rank > MAX_RANK || !isZero(bytes, at.shape + 4 * rank, at.shape + 4 * MAX_RANK)) return null;
  return Array.from({ length: rank }, (_, axis) => bytes.readUInt32LE(at.shape + 4 * axis));
}

function readLong(bytes: Buffer, offset: number): number | null {
  const high = bytes.readUInt32LE(offset + 4);
  return high < LONG_HIGH_END ? high * U32_END + bytes.readUInt32LE(offset) : null;
}

function readIds(bytes: Buffer): Record<keyof typeof idFields, string> | null {
  const ids: Partial<Record<keyof typeof idFields, string>> = {};
  for (const field of Object.keys(idFields) as (keyof typeof idFields)[]) {
    const { at: offset, bytes: longest, kind } = idFields[field];
    const value = readId(bytes, offset, longest, kind);
    if (value === null) return null;
    ids[field] = value;
  }
  return ids as Record<keyof typeof idFields, string>;
}

function readId(bytes: Buffer, offset: number, longest: number, kind: IdKind): string | null {
  const field = bytes.subarray(offset, offset + longest);
  const end = field.indexOf(0);
  const length = end === -1 ? longest : end;
  if (!isZero(field, length, longest)) return null;
  const value = field.toString('latin1', 0, length);
  return isId(kind, value) ? value : null;
}

function isZero(bytes: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    if (bytes[index] !== 0) return false;
  }
  return true;
}

/** Whether the payload is what the believed head says; null where it is. */
export function payloadProblem(bytes: Buffer, header: FrameHeader, trust: Trust): UntrustedReason | null {
  const digest = startPayloadDigest(bytes, header, trust);
  if (digest === null) return 'unknown-session';
  digest.update(bytes.subarray(at.payload));
  return digestProblem(bytes, digest.digest());
}

/** Parses and checks proof and digest. Never throws, whatever the bytes are. */
export function openFrame(bytes: Buffer, keyring: Keyring, sessions = noSessions): Opened {
  const parsed = parseFrame(bytes);
  if (!parsed.ok) return parsed;
  const trust = { keyring, sessions };
  const reason = headProblem(bytes, parsed.header, trust) ?? payloadProblem(bytes, parsed.header, trust);
  return reason === null ? parsed : { ok: false, reason };
}
