import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

/** A process that is meant even when its number is given to another one: with the time it was started at. */
export interface ProcessIdentity {
  readonly pid: number;
  /** In clock ticks since the machine was started; see `/proc/PID/stat`. */
  readonly startTicks: number;
}

const POLL_MILLISECONDS = 20;

/** Undefined where there is no such process, or only what is left of it until its parent asks. */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return parseStat(text);
}

/** `1234 (name) S 1 …`; the name may hold spaces and brackets, so fields are counted from the last bracket. */
export function parseStat(text: string): ProcessIdentity | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  // Field 22 of proc(5); the slice begins with field 3.
  const startTicks = Number(fields[19]);
  if (fields.length < 20 || state === 'Z' || state === 'X') return undefined;
  return { pid: Number.parseInt(text, 10), startTicks };
}

export async function isAlive({ pid, startTicks }: ProcessIdentity): Promise<boolean> {
  return (await identityOf(pid))?.startTicks === startTicks;
}

/** Kills these processes, also where they are stopped, and waits until they are gone. @returns those that are not */
export async function killAll(
  processes: readonly ProcessIdentity[],
  milliseconds: number,
): Promise<readonly ProcessIdentity[]> {
  let left = processes;
  for (const until = performance.now() + milliseconds; ; ) {
    left = (await Promise.all(left.map(async (each) => ((await isAlive(each)) ? [each] : [])))).flat();
    if (left.length === 0 || performance.now() > until) return left;
    for (const { pid } of left) signal(pid, 'SIGKILL');
    await wait(POLL_MILLISECONDS);
  }
}

/** Sends a signal to a process that may have ended. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
