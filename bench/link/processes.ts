import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Cable } from './namespaces.ts';
import type { Job, JobResult } from './words.ts';

const JOB_MILLISECONDS = 60_000;

/** The two ends of a cable, each a process in its namespace. */
export interface Ends {
  work(job: Job): Promise<JobResult>;
  close(): Promise<void>;
}

export interface EndsOptions {
  /** Write CPU profiles into the working directory. */
  readonly profile: boolean;
  /** Each frame is signed by itself; tagged with session keys otherwise. */
  readonly signed: boolean;
}

export async function startEnds({ near, far }: Cable, { profile, signed }: EndsOptions): Promise<Ends> {
  const children: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
      child.disconnect();
      await once(child, 'exit');
      clearTimeout(late);
    }
  };
  const start = async (namespace: string, file: string): Promise<ChildProcess> => {
    const frames = signed ? 'signed' : 'tagged';
    const options = profile ? ['--cpu-prof', `--cpu-prof-name=link-${file}.cpuprofile`] : [];
    const program = [process.execPath, ...options, join(import.meta.dirname, `${file}.ts`), far.address, frames];
    const child = spawn('ip', ['netns', 'exec', namespace, ...program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    children.push(child);
    await message(child, file);
    return child;
  };
  try {
    await start(far.namespace, 'receiving');
    const sending = await start(near.namespace, 'sending');
    return {
      async work(job) {
        const result = message<JobResult>(sending, `${job.kind} of ${job.bytes} bytes`);
        sending.send(job);
        return result;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function message<T>(child: ChildProcess, what: string): Promise<T> {
  const done = new AbortController();
  const signal = AbortSignal.any([done.signal, AbortSignal.timeout(JOB_MILLISECONDS)]);
  const died = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`${what}: the process ended with ${code}`);
  });
  const said = once(child, 'message', { signal }).then(([value]) => value as T);
  try {
    return await Promise.race([said, died]);
  } finally {
    for (const promise of [said, died]) promise.catch(() => {});
    done.abort();
  }
}
