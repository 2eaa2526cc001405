import { readdir, readlink } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

/** The processes that work in a directory: the fleet's own, and what they have started in turn. */
export async function processesIn(directory: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // One that has ended and not been waited for has no directory any more.
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
      return cwd === directory ? [pid] : [];
    }),
  );
  return found.flat();
}

const END_MILLISECONDS = 15_000;
const LOOK_MILLISECONDS = 100;

/** The same, once there are no more than `most`, or after a while in which more should have ended. */
export async function remainingIn(directory: string, most: number): Promise<readonly number[]> {
  for (const until = performance.now() + END_MILLISECONDS; ; await wait(LOOK_MILLISECONDS)) {
    const pids = await processesIn(directory);
    if (pids.length <= most || performance.now() > until) return pids;
  }
}

/** Kills them all, and those that they start meanwhile. */
export async function killIn(directory: string): Promise<void> {
  for (const until = performance.now() + END_MILLISECONDS; performance.now() < until; await wait(LOOK_MILLISECONDS)) {
    const pids = await processesIn(directory);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}
