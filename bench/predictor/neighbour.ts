import { type ChildProcess, spawn } from 'node:child_process';
import type { Quota } from './quota.ts';

/** Streams more than any cache holds, or adds numbers, until its standard input closes. */
const programs = {
  memory: `
    const a = new Float64Array(8 << 20), b = new Float64Array(8 << 20).fill(1);
    const work = () => { for (let i = 0; i < 2; i++) { a.set(b); b.set(a); } setImmediate(work); };`,
  sameCore: `
    let x = 1;
    const work = () => { for (let i = 0; i < 3e6; i++) x = (x * 1.0000001) % 7; setImmediate(work); };`,
} as const;

/** Runs `use` beside a busy process; with `sameCore` both are bound to core 0. */
export async function withNeighbour<T>(
  kind: keyof typeof programs | undefined,
  quota: Quota,
  use: () => Promise<T>,
): Promise<T> {
  if (kind === undefined) return use();
  const program = `process.stdin.on('end', () => process.exit()).resume(); ${programs[kind]} work();`;
  const bound = kind === 'sameCore';
  const [command, ...args] = [...(bound ? ['taskset', '-c', '0'] : []), process.execPath, '-e', program];
  const child = spawn(command!, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  try {
    await started(child);
    quota.admitNeighbour(child.pid!);
    if (bound) await bindToFirstCore();
    return await use();
  } finally {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve());
    child.once('error', reject);
  });
}

/** Threads that exist and threads that they start later. */
async function bindToFirstCore(): Promise<void> {
  const child = spawn('taskset', ['-a', '-p', '-c', '0', String(process.pid)], { stdio: 'ignore' });
  const code = await new Promise((resolve, reject) => child.once('exit', resolve).once('error', reject));
  if (code !== 0) throw new Error(`taskset ended with ${code}: this process cannot be bound to a core`);
}
