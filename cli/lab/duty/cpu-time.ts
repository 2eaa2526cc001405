import { closeSync, openSync, readdirSync, readSync } from 'node:fs';

/** Threads come and go; looking for new ones so often is enough. */
const REFRESH_READINGS = 16;

/** Counts the processor time of one process. */
export interface CpuClock {
  /** Seconds used by the threads that are there now; undefined when the process is gone. */
  read(): number | undefined;
  close(): void;
}

/**
 * From `/proc/PID/task/TID/schedstat`, whose first number is in nanoseconds; the files stay open, since they are read
 * some hundred times a second.
 */
export function openCpuClock(pid: number): CpuClock {
  const threads = new Map<string, number>();
  const buffer = Buffer.alloc(96);
  let readings = 0;
  let total = 0;
  const last = new Map<string, number>();
  const close = () => {
    for (const file of threads.values()) closeSync(file);
    threads.clear();
  };
  const refresh = (): void => {
    try {
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        if (!threads.has(thread)) threads.set(thread, openSync(`/proc/${pid}/task/${thread}/schedstat`, 'r'));
      }
    } catch {
      // The process or one of its threads has ended meanwhile.
    }
  };
  const readThread = (thread: string, file: number): void => {
    try {
      const length = readSync(file, buffer, 0, buffer.length, 0);
      const used = Number.parseInt(buffer.toString('latin1', 0, length), 10) / 1e9;
      total += used - (last.get(thread) ?? 0);
      last.set(thread, used);
    } catch {
      // The thread has ended; what it used is counted already.
      closeSync(file);
      threads.delete(thread);
    }
  };
  return {
    close,
    read() {
      if (readings++ % REFRESH_READINGS === 0) refresh();
      for (const [thread, file] of threads) readThread(thread, file);
      return threads.size === 0 ? undefined : total;
    },
  };
}
