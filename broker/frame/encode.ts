import { InvalidFrameError } from '../errors.ts';
import { idRule, isId } from '../ids.ts';
import type { Identity } from '../keyring/identity.ts';
import { MAX_FRAME_PAYLOAD_BYTES } from '../topics.ts';
import { digests } from './digest.ts';
import { chunkFits, type FrameHeader, shapeFits } from './header.ts';
import { dataTypes, frameKinds } from './kinds.ts';
import {
  at,
  CODEC_PARAMS_BYTES,
  FRAME_OVERHEAD_BYTES,
  FRAME_VERSION,
  HEADER_LENGTH,
  idFields,
  longFields,
  MAX_RANK,
  numberFields,
} from './layout.ts';
import { type FrameProof, signing } from './proof.ts';

const U32_END = 2 ** 32;

/** A frame to be filled: the caller writes `payload`, then `sealFrame` writes what lies before it. */
export interface OpenFrame {
  readonly frame: Buffer;
  /** The part of `frame` for the payload; aligned to 64 bytes. */
  readonly payload: Buffer;
}

/**
 * One block of memory with room for the header in front.
 * @throws InvalidFrameError above 1 MiB.
 */
export function createFrame(payloadBytes: number): OpenFrame {
  if (!Number.isInteger(payloadBytes) || payloadBytes < 0 || payloadBytes > MAX_FRAME_PAYLOAD_BYTES) {
    throw new InvalidFrameError('payloadBytes', payloadBytes, `0 to ${MAX_FRAME_PAYLOAD_BYTES}; send it in chunks`);
  }
  // Slow means: a memory block of its own, not a slice of the shared pool.
  const frame = Buffer.allocUnsafeSlow(FRAME_OVERHEAD_BYTES + payloadBytes);
  return { frame, payload: frame.subarray(at.payload) };
}

/** Where the seconds of sealing and opening go. */
export interface FrameMeter {
  copy: number;
  digest: number;
  sign: number;
  verify: number;
}

/**
 * Writes header, digest and signature in front of a payload that is already there.
 * @throws InvalidFrameError naming the field that the layout cannot hold.
 */
export function sealFrame(frame: Buffer, header: FrameHeader, identity: Identity, meter?: FrameMeter): void {
  const { digest } = header;
  if (digest === 'poly1305') throw new InvalidFrameError('digest', digest, 'a signed frame has a digest');
  seal(frame.subarray(0, at.payload), frame.subarray(at.payload), header, signing(identity, digest), meter);
}

/** A header whose digest is yet to be chosen. */
export type UnprovenHeader = Omit<FrameHeader, 'digest'>;

/**
 * Header, digest and proof of a payload that lies elsewhere: 448 bytes that are sent before it.
 * @throws InvalidFrameError naming the field that the layout cannot hold.
 */
export function sealHead(payload: Uint8Array, header: UnprovenHeader, proof: FrameProof, meter?: FrameMeter): Buffer {
  const head = Buffer.allocUnsafe(FRAME_OVERHEAD_BYTES);
  seal(head, payload, { ...header, digest: proof.digest }, proof, meter);
  return head;
}

function seal(
  head: Buffer,
  payload: Uint8Array,
  header: FrameHeader,
  proof: FrameProof,
  meter: FrameMeter | undefined,
): void {
  requireConsistent(payload.length, header);
  writeHeader(head, header);
  const begin = performance.now();
  head.fill(0, at.payloadDigest, at.payload);
  proof.digestOf(payload).copy(head, at.payloadDigest);
  const digested = performance.now();
  proof.sign(head).copy(head, at.signature);
  if (meter === undefined) return;
  meter.digest += (digested - begin) / 1000;
  meter.sign += (performance.now() - digested) / 1000;
}

function writeHeader(frame: Buffer, header: FrameHeader): void {
  frame.writeUInt16LE(HEADER_LENGTH, at.length);
  frame[at.version] = FRAME_VERSION;
  frame[at.digest] = digests[header.digest].id;
  frame[at.kind] = frameKinds[header.kind];
  frame[at.dtype] = dataTypes[header.dtype].id;
  frame[at.codec] = header.codec.id;
  frame[at.rank] = header.shape.length;
  for (const field of Object.keys(longFields) as (keyof typeof longFields)[]) {
    writeLong(frame, field, header[field]);
  }
  for (const field of Object.keys(numberFields) as (keyof typeof numberFields)[]) {
    writeNumber(frame, field, numberFields[field], header[field]);
  }
  for (let axis = 0; axis < MAX_RANK; axis += 1) {
    writeNumber(frame, `shape[${axis}]`, at.shape + 4 * axis, header.shape[axis] ?? 0);
  }
  frame.set(header.codec.params, at.codecParams);
  for (const field of Object.keys(idFields) as (keyof typeof idFields)[]) writeId(frame, field, header[field]);
}

function requireConsistent(bytes: number, header: FrameHeader): void {
  const { codec, shape, payloadBytes } = header;
  if (payloadBytes !== bytes) throw new InvalidFrameError('payloadBytes', payloadBytes, `the frame holds ${bytes}`);
  if (shape.length > MAX_RANK) throw new InvalidFrameError('shape', shape, `at most ${MAX_RANK} dimensions`);
  if (!Number.isInteger(codec.id) || codec.id < 0 || codec.id > 255) {
    throw new InvalidFrameError('codec', codec.id, '0 to 255');
  }
  if (codec.params.length !== CODEC_PARAMS_BYTES) {
    throw new InvalidFrameError('codec params', codec.params.length, `${CODEC_PARAMS_BYTES} bytes`);
  }
  if (!shapeFits(header)) {
    throw new InvalidFrameError(
      'shape',
      `[${shape}] of ${header.dtype}`,
      `raw, it makes other than ${header.totalBytes} bytes`,
    );
  }
  if (!chunkFits(header)) {
    throw new InvalidFrameError(
      'chunk',
      `${header.chunk} of ${header.chunks}`,
      `not one of ${header.totalBytes} bytes`,
    );
  }
}

function writeNumber(frame: Buffer, field: string, offset: number, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= U32_END) {
    throw new InvalidFrameError(field, value, 'a whole number below 2^32');
  }
  frame.writeUInt32LE(value, offset);
}

function writeLong(frame: Buffer, field: keyof typeof longFields, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidFrameError(field, value, 'a whole number below 2^53');
  frame.writeUInt32LE(value % U32_END, longFields[field]);
  frame.writeUInt32LE(Math.floor(value / U32_END), longFields[field] + 4);
}

function writeId(frame: Buffer, field: keyof typeof idFields, value: string): void {
  const { at: offset, bytes, kind } = idFields[field];
  if (!isId(kind, value)) throw new InvalidFrameError(field, value, idRule(kind));
  frame.fill(0, offset, offset + bytes);
  frame.write(value, offset, 'latin1');
}
