import { elementCount } from '../../models/index.ts';
import { CheckpointCorruptError, CheckpointTruncatedError } from './errors.ts';
import { count, list, object, table, text } from './json.ts';

/*
 * A safetensors file:
 *
 *   bytes        content
 *   0 … 7        n: length of the header, u64 little-endian
 *   8 … 8+n−1    header: JSON {"__metadata__": {text: text}, NAME: {"dtype", "shape", "data_offsets": [begin, end]}, …},
 *                filled up with spaces so that the data begins at a multiple of 8
 *   8+n …        data: the tensors, little-endian, row-major, one after the other without gaps; offsets count from here
 *
 * Only float32 ("F32") is written and read here. Typed arrays are written as they lie in memory: every machine that Node
 * runs Flotilla on is little-endian.
 */

/** Bytes before the header. */
export const PREFIX = 8;
const METADATA = '__metadata__';
const BYTES_PER_VALUE = 4;

/** A float32 tensor, row-major. */
export interface CheckpointTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

export type Tensors = ReadonlyMap<string, CheckpointTensor>;

/** Where the values of a tensor lie, in bytes from the start of the data. */
export interface TensorPlace {
  readonly name: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order in which the data lies in the file; together they cover it without gaps. */
  readonly places: readonly TensorPlace[];
}

/** Prefix and header of a file that holds these tensors in the map's order. */
export function encodeHeader(tensors: Tensors, metadata: Header['metadata']): Uint8Array {
  const header: Record<string, unknown> = Object.create(null);
  header[METADATA] = metadata;
  let begin = 0;
  for (const [name, { shape, data }] of tensors) {
    if (name === METADATA || data.length !== elementCount(shape)) {
      throw new RangeError(
        `tensor '${name}' of ${data.length} values cannot be written in shape [${shape.join(', ')}]`,
      );
    }
    const end = begin + data.byteLength;
    header[name] = { dtype: 'F32', shape, data_offsets: [begin, end] };
    begin = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.alloc(PREFIX + Math.ceil(json.length / 8) * 8, ' ');
  bytes.writeBigUInt64LE(BigInt(bytes.length - PREFIX));
  json.copy(bytes, PREFIX);
  return bytes;
}

/**
 * Length of the header, from the first bytes of a file.
 * @param fileBytes how long the file is
 * @throws CheckpointTruncatedError where the file ends inside the header
 */
export function decodeHeaderLength(prefix: Uint8Array, file: string, fileBytes: number): number {
  if (fileBytes < PREFIX) {
    throw new CheckpointTruncatedError(
      file,
      fileBytes,
      `before the ${PREFIX} bytes that every safetensors file begins with`,
    );
  }
  const length = Buffer.from(prefix.buffer, prefix.byteOffset, PREFIX).readBigUInt64LE();
  if (length > fileBytes - PREFIX) {
    throw new CheckpointTruncatedError(file, fileBytes, `inside its header of ${length} bytes`);
  }
  return Number(length);
}

const readEntry = object({ dtype: text, shape: list(count), data_offsets: list(count) });
const readEntries = table(readEntry);
const readTexts = table(text);

/** @throws CheckpointCorruptError, CheckpointTruncatedError */
export function decodeHeader(json: Uint8Array, file: string, fileBytes: number): Header {
  const corrupt = (problem: string) => new CheckpointCorruptError(file, problem);
  const { [METADATA]: metadata = {}, ...entries } = parseHeader(json, corrupt);
  const places = Object.entries(readEntries(entries, 'header', corrupt)).map(([name, entry]): TensorPlace => {
    const [begin, end, ...more] = entry.data_offsets;
    if (entry.dtype !== 'F32') throw corrupt(`tensor '${name}' is of type ${entry.dtype}, only F32 is read here`);
    const bytes = elementCount(entry.shape) * BYTES_PER_VALUE;
    if (begin === undefined || end === undefined || more.length > 0 || end - begin !== bytes) {
      throw corrupt(`tensor '${name}' of shape [${entry.shape}] lies at offsets [${entry.data_offsets}]`);
    }
    return { name, shape: entry.shape, begin, end };
  });
  // A tensor without values begins where it ends, so it comes before the one that begins at the same place.
  places.sort((left, right) => left.begin - right.begin || left.end - right.end);
  checkCoverage(places, file, fileBytes - PREFIX - json.length, fileBytes);
  return { metadata: readTexts(metadata, METADATA, corrupt), places };
}

function parseHeader(json: Uint8Array, corrupt: (problem: string) => Error): Readonly<Record<string, unknown>> {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) return { ...header };
  } catch {
    // The error below says it.
  }
  throw corrupt(`bytes ${PREFIX} to ${PREFIX + json.length - 1} are not the JSON header of a safetensors file`);
}

/** The data is covered exactly once. */
function checkCoverage(places: readonly TensorPlace[], file: string, dataBytes: number, fileBytes: number): void {
  let covered = 0;
  for (const { name, begin, end } of places) {
    if (begin !== covered)
      throw new CheckpointCorruptError(file, `tensor '${name}' begins at ${begin}, not at ${covered}`);
    covered = end;
  }
  if (dataBytes < covered) {
    const missing = places.find(({ end }) => end > dataBytes)!;
    throw new CheckpointTruncatedError(
      file,
      fileBytes,
      `inside tensor '${missing.name}', ${covered - dataBytes} bytes too early`,
    );
  }
  if (dataBytes > covered)
    throw new CheckpointCorruptError(file, `${dataBytes - covered} bytes follow the last tensor`);
}
