import { spawn } from 'node:child_process';
import { once } from 'node:events';

const deadlineMilliseconds = 1_800_000;

/** Runs `use` while this process holds a lock file that other benches of the machine wait for (flock); without one, at once. */
export async function withLock<T>(file: string | undefined, use: () => Promise<T>): Promise<T> {
  if (file === undefined) return use();
  const holder = spawn('flock', [file, 'sh', '-c', 'echo locked; read -r end'], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(holder.stdout, 'data', { signal: AbortSignal.timeout(deadlineMilliseconds) });
    return await use();
  } finally {
    const ended = holder.exitCode === null ? once(holder, 'exit') : undefined;
    holder.stdin.end();
    await ended;
  }
}
