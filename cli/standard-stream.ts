import { fstatSync, writeSync } from 'node:fs';
import type { Stream } from './output.ts';

/**
 * Standard output or error, as it is; but where it is a file that a full disk keeps from growing, what does not fit is left
 * out. Node would take the stream for broken, and say nothing any more.
 */
export function standardStream(stream: Stream, fd: 1 | 2): Stream {
  if (!isFile(fd)) return stream;
  return {
    write(text) {
      try {
        writeSync(fd, text);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    },
  };
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    // It is closed.
    return false;
  }
}
