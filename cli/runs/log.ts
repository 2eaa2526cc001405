import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { entriesOf, historyOf, parseEntry, type RunEntry, type RunHistory } from './entries.ts';
import { RunLogDamagedError } from './errors.ts';
import { RUN_LOG } from './names.ts';

/**
 * What the log of a run comes to; undefined where there is none. A last line without its end is what a process that was
 * killed had begun to write: it does not count.
 * @throws RunLogDamagedError
 */
export async function readRunLog(directory: string): Promise<RunHistory | undefined> {
  const path = join(directory, RUN_LOG);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  return text === undefined ? undefined : historyIn(text, path);
}

function historyIn(text: string, path: string): RunHistory | undefined {
  const lines = text.split('\n').slice(0, -1);
  const entries = lines.map((line, index) => {
    const entry = parseEntry(line);
    if (entry === undefined) throw new RunLogDamagedError(path, index + 1, line);
    return entry;
  });
  const history = historyOf(entries);
  if (history === undefined && lines.length > 0) throw new RunLogDamagedError(path, 1, lines[0]!);
  return history;
}

export interface RunLog {
  /**
   * On the disk when it returns. What cannot be written is said once, and written with the next entry: a full disk does
   * not end a run.
   */
  write(entry: RunEntry): void;
}

/** @throws the operating system's error where the first entry cannot be written */
export function openRunLog(directory: string, first: RunEntry, warn: (problem: string) => void): RunLog {
  const path = join(directory, RUN_LOG);
  condense(path);
  let waiting: readonly RunEntry[] = [];
  append(path, [first]);
  return {
    write(entry) {
      const entries = [...waiting, entry];
      try {
        append(path, entries);
        waiting = [];
        condense(path);
      } catch (error) {
        if (waiting.length === 0) warn(`'${path}' could not be written (${(error as Error).message}).`);
        waiting = entries;
      }
    },
  };
}

/** Some hundred processes or a thousand terms. */
const MOST_BYTES = 1 << 16;

/**
 * A log that has become long is written anew as the few lines that it comes to: there is the one or the other on the disk
 * at any moment. One that cannot be read, or where the disk is full, is left as it is.
 */
function condense(path: string): void {
  const passing = `${path}.${process.pid}`;
  try {
    if (statSync(path).size <= MOST_BYTES) return;
    const history = historyIn(readFileSync(path, 'utf8'), path);
    if (history === undefined) return;
    writeFileSync(passing, textOf(entriesOf(history)), { flush: true });
    renameSync(passing, path);
  } catch {
    rmSync(passing, { force: true });
  }
}

function textOf(entries: readonly RunEntry[]): string {
  const at = new Date().toISOString();
  return entries.map((entry) => `${JSON.stringify({ at, ...entry })}\n`).join('');
}

function append(path: string, entries: readonly RunEntry[]): void {
  const bytes = Buffer.from(textOf(entries));
  const file = openSync(path, 'a+');
  try {
    const end = endOfWholeLines(file);
    ftruncateSync(file, end);
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
      fsyncSync(file);
    } catch (error) {
      ftruncateSync(file, end);
      throw error;
    }
  } finally {
    closeSync(file);
  }
}

/** A torn line is shorter than this, or everything before it is. */
const LONGEST_LINE = 1 << 16;

function endOfWholeLines(file: number): number {
  const { size } = fstatSync(file);
  const tail = Buffer.alloc(Math.min(size, LONGEST_LINE));
  readSync(file, tail, 0, tail.length, size - tail.length);
  return size - tail.length + tail.lastIndexOf('\n') + 1;
}
