import { closeSync, constants, openSync, readdirSync, readSync, statSync } from 'node:fs';

/** How telemetry touches the disk: undefined where there is nothing. Other errors are Node's, with a `code`. */
export interface Files {
  read(path: string): string | undefined;
  list(path: string): readonly string[] | undefined;
}

/** `/proc/stat` of a machine with some hundred CPUs still fits; everything else is far shorter. */
const longestBytes = 64 * 1024;
// What looks like a file may be a pipe: without O_NONBLOCK, opening one would hold up the whole agent.
const flags = constants.O_RDONLY | constants.O_NONBLOCK;
const buffer = Buffer.allocUnsafe(longestBytes);

// A board lacks most of what could be there, and to throw costs three times what this question does.
const isAbsent = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) === undefined;

export const systemFiles: Files = {
  read(path) {
    if (isAbsent(path)) return undefined;
    const file = openSync(path, flags);
    try {
      let length = 0;
      // The files of procfs and sysfs say that they are empty; what is in them is known only by reading to the end.
      for (;;) {
        const bytes = readSync(file, buffer, length, longestBytes - length, null);
        length += bytes;
        if (bytes === 0 || length === longestBytes) return buffer.toString('latin1', 0, length);
      }
    } finally {
      closeSync(file);
    }
  },
  list: (path) => (isAbsent(path) ? undefined : readdirSync(path)),
};
