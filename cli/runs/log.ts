import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyOf, parseEntry, type RunEntry, type RunHistory } from './entries.ts';
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
  if (text === undefined) return undefined;
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
  let waiting: readonly RunEntry[] = [];
  append(path, [first]);
  return {
    write(entry) {
      const entries = [...waiting, entry];
      try {
        append(path, entries);
        waiting = [];
      } catch (error) {
        if (waiting.length === 0) warn(`'${path}' could not be written (${(error as Error).message}).`);
        waiting = entries;
      }
    },
  };
}

function append(path: string, entries: readonly RunEntry[]): void {
  const at = new Date().toISOString();
  const bytes = Buffer.from(entries.map((entry) => `${JSON.stringify({ at, ...entry })}\n`).join(''));
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
