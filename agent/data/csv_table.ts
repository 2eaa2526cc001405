import { BadTableError } from './errors.ts';
import { readBytes } from './files.ts';

/** A recording of sensors: for each row a label and a value per channel. */
export interface Recording {
  readonly file: string;
  /** The names of the value columns. */
  readonly channels: readonly string[];
  readonly labels: readonly string[];
  /** Row after row, one value per channel. */
  readonly values: Float32Array;
}

const LABEL_COLUMN = 'label';
const HEADER_LINE = 1;

/** The line, counted from 1 as editors do, of a row of a recording. */
export function lineOfRow(row: number): number {
  return row + HEADER_LINE + 1;
}

/**
 * Reads a CSV file: header `label,CHANNEL,CHANNEL…`, then rows of one label and a number per channel, separated by
 * commas, without quotes. Only the end of the file may have empty lines. Throws BadTableError with line and column.
 */
export async function readRecording(file: string, signal: AbortSignal | undefined): Promise<Recording> {
  const lines = (await readBytes(file, signal)).toString('utf8').trimEnd().split('\n');
  const channels = readHeader(file, lines[0] ?? '');
  const labels: string[] = [];
  const values = new Float32Array((lines.length - HEADER_LINE) * channels.length);
  for (let i = HEADER_LINE; i < lines.length; i++) {
    const fields = lines[i]!.trim().split(',');
    checkWidth(file, i + 1, fields.length, channels.length);
    const row = i - HEADER_LINE;
    labels.push(fields[0]!.trim());
    for (let c = 0; c < channels.length; c++) {
      values[row * channels.length + c] = readNumber(file, i + 1, c, fields[c + 1]!, channels);
    }
  }
  return { file, channels, labels, values };
}

function readHeader(file: string, line: string): readonly string[] {
  const [first, ...channels] = line
    .replace(/^\uFEFF/, '')
    .split(',')
    .map((name) => name.trim());
  if (first !== LABEL_COLUMN || channels.length === 0 || channels.includes('')) {
    const shown = line.length > 60 ? `${line.slice(0, 60)}…` : line;
    throw new BadTableError(
      file,
      HEADER_LINE,
      `: the header is '${shown}', it must be 'label,' and a name for each channel`,
    );
  }
  return channels;
}

function checkWidth(file: string, line: number, fields: number, channels: number): void {
  if (fields === channels + 1) return;
  throw new BadTableError(file, line, `: it has ${fields} fields, the header announces ${channels + 1}`);
}

function readNumber(file: string, line: number, channel: number, text: string, channels: readonly string[]): number {
  const value = Number(text);
  if (Number.isFinite(value) && text.trim() !== '') return value;
  const column = channel + 2; // people count from 1, and the first column is the label
  throw new BadTableError(file, line, `, column ${column} ('${channels[channel]}'): '${text}' is not a finite number`);
}
