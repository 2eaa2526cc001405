import { PayloadDamagedError, PayloadLengthError } from '../errors.ts';
import { CHUNK_VALUES, type Kernel, layout } from '../kernel/index.ts';
import { groupedBytes, maskBytes } from './lengths.ts';
import type { PlanesParams } from './params.ts';

/**
 * The opposite of `encodePlanes`. What the payload's length cannot be right for is refused before it is read.
 * @throws PayloadLengthError, PayloadDamagedError
 */
export function decodePlanes(kernel: Kernel, params: PlanesParams, payload: Uint8Array, values: Float32Array): void {
  const { zeroMask } = params;
  if (!zeroMask) checkPlanes(params, payload, values.length);
  const source = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const target = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const page = Buffer.from(kernel.memory);
  let at = 0;
  for (let first = 0; first < values.length; first += CHUNK_VALUES) {
    const count = Math.min(CHUNK_VALUES, values.length - first);
    at += zeroMask
      ? decodeMasked(kernel, params, source.subarray(at), page, count)
      : decodeChunk(kernel, params, source.subarray(at), page, count);
    page.copy(target, 4 * first, layout.values, layout.values + 4 * count);
  }
  checkLength(payload.length, at, values.length);
}

/**
 * Looks whether a payload is of so many values.
 * @throws PayloadLengthError, PayloadDamagedError
 */
export function checkPlanes(params: PlanesParams, payload: Uint8Array, count: number): void {
  let bytes = 0;
  if (!params.zeroMask) bytes = groupedBytes(params, count);
  else {
    for (let first = 0; first < count; first += CHUNK_VALUES) {
      bytes += readMask(params, payload.subarray(bytes), Math.min(CHUNK_VALUES, count - first)).bytes;
    }
  }
  checkLength(payload.length, bytes, count);
}

/** Gives the bytes it has read. */
function decodeChunk(kernel: Kernel, params: PlanesParams, source: Buffer, page: Buffer, count: number): number {
  const { group, bits, range, rotation } = params;
  const bytes = groupedBytes(params, count);
  source.copy(page, layout.payload, 0, bytes);
  const groups = Math.ceil(count / group);
  kernel.decode(groups, group, bits, range === 'maximum', false, 0);
  if (rotation > 0) kernel.rotate(groups * group, Math.log2(rotation), true);
  return bytes;
}

function decodeMasked(kernel: Kernel, params: PlanesParams, source: Buffer, page: Buffer, count: number): number {
  const { group, bits, range } = params;
  const { maskLength, kept, bytes } = readMask(params, source, count);
  source.copy(page, layout.payload, 0, bytes);
  kernel.decode(Math.ceil(kept / group), group, bits, range === 'maximum', true, maskLength);
  kernel.spread(8 * maskLength);
  return bytes;
}

/** What the mask at the start of a chunk of `count` values says of it; `bytes` are those of the whole chunk. */
function readMask(params: PlanesParams, source: Uint8Array, count: number) {
  const mask = source.subarray(0, maskBytes(count));
  checkLeast(mask.length, maskBytes(count), count);
  const kept = ones(mask);
  if (count % 8 !== 0 && mask[mask.length - 1]! >> (count % 8) !== 0) {
    throw new PayloadDamagedError('planes', 'the zero mask has more bits than values');
  }
  const bytes = mask.length + groupedBytes(params, kept);
  checkLeast(source.length, bytes, count);
  return { maskLength: mask.length, kept, bytes };
}

const onesOf = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

function ones(bytes: Uint8Array): number {
  let count = 0;
  for (let index = 0; index < bytes.length; index++) count += onesOf[bytes[index]!]!;
  return count;
}

function checkLength(found: number, wanted: number, count: number): void {
  if (found !== wanted) throw new PayloadLengthError('planes', count, wanted, found);
}

function checkLeast(found: number, least: number, count: number): void {
  if (found < least) throw new PayloadLengthError('planes', count, `at least ${least}`, found);
}
