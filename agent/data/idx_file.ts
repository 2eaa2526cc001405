import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { CorruptDataError, TruncatedDataError } from './errors.ts';
import { readBytes } from './files.ts';

/*
 * IDX (http://yann.lecun.com/exdb/mnist): two zero bytes, one byte type (0x08: unsigned bytes), one byte number of
 * dimensions, each dimension as a big-endian 32-bit number, then the values, the last dimension fastest.
 */
const UNSIGNED_BYTES = 0x08;
const MAGIC_LENGTH = 4;
const EXTENT_LENGTH = 4;
const LARGEST_FILE = 2 ** 31; // bounds what a small gzip file can unpack to

const unzip = promisify(gunzip);

/** An array of bytes with its dimensions. */
export interface IdxArray {
  readonly file: string;
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

/** Reads an IDX file of unsigned bytes, unpacked when its name ends in '.gz'. Throws CorruptDataError, TruncatedDataError. */
export async function readIdx(
  file: string,
  dimensions: readonly number[],
  signal: AbortSignal | undefined,
): Promise<IdxArray> {
  const stored = await readBytes(file, signal);
  return parseIdx(file, file.endsWith('.gz') ? await unpack(file, stored) : stored, dimensions);
}

async function unpack(file: string, stored: Buffer): Promise<Buffer> {
  try {
    return await unzip(stored, { maxOutputLength: LARGEST_FILE });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'Z_BUF_ERROR') throw new TruncatedDataError(file, stored.length, 'before the end of its gzip stream');
    throw new CorruptDataError(file, `is not a sound gzip file (${code}): download it again`);
  }
}

/** Reads the header and holds it against the file's length. `dimensions` are the numbers of dimensions allowed. */
function parseIdx(file: string, bytes: Buffer, dimensions: readonly number[]): IdxArray {
  if (bytes.length < MAGIC_LENGTH)
    throw new TruncatedDataError(file, bytes.length, 'inside the 4 bytes of its magic number');
  const rank = bytes[3]!;
  if (bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== UNSIGNED_BYTES || !dimensions.includes(rank)) {
    const expected = dimensions.map((known) => `0x0000080${known}`).join(' or ');
    const magic = bytes.subarray(0, MAGIC_LENGTH).toString('hex');
    throw new CorruptDataError(
      file,
      `is not the IDX file its name says: its magic number is 0x${magic}, not ${expected}`,
    );
  }
  const headerLength = MAGIC_LENGTH + rank * EXTENT_LENGTH;
  if (bytes.length < headerLength) {
    throw new TruncatedDataError(file, bytes.length, `inside its header of ${headerLength} bytes`);
  }
  const shape = Array.from({ length: rank }, (_, i) => bytes.readUInt32BE(MAGIC_LENGTH + i * EXTENT_LENGTH));
  const expected = headerLength + shape.reduce((product, extent) => product * extent, 1);
  if (bytes.length < expected) {
    throw new TruncatedDataError(file, bytes.length, `but its dimensions ${shape.join('×')} need ${expected} bytes`);
  }
  if (bytes.length > expected) {
    throw new CorruptDataError(
      file,
      `has ${bytes.length} bytes, but its dimensions ${shape.join('×')} need ${expected}`,
    );
  }
  return { file, shape, values: bytes.subarray(headerLength) };
}
