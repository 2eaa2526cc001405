import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Quota } from './quota.ts';

/** Asked once: a process that is bound has fewer. */
const cores = availableParallelism();

const programs = {
  /** Streams more than any cache holds. */
  memory: `
    const a = new Float64Array(8 << 20), b = new Float64Array(8 << 20).fill(1);
    const work = () => { for (let i = 0; i < 2; i++) { a.set(b); b.set(a); } setImmediate(work); };`,
  /** Adds numbers. */
  sameCore: `
    let x = 1;
    const work = () => { for (let i = 0; i < 3e6; i++) x = (x * 1.0000001) % 7; setImmediate(work); };`,
  /** One root after the other, each of which waits for the one before: a core is taken, and its units hardly used. */
  filler: `
    let x = 1;
    const work = () => { for (let i = 0; i < 1e6; i++) x = Math.sqrt(x + 1); setImmediate(work); };`,
} as const;

/**
 * Runs `use` beside a busy process, with `sameCore` both bound to core 0. What they leave of each core a filler takes:
 * other work on the machine neither empties the board's caches between its slices nor shares a core's units with it.
 */
export async function withNeighbour<T>(
  kind: 'memory' | 'sameCore' | undefined,
  quota: Quota,
  use: () => Promise<T>,
): Promise<T> {
  const children: ChildProcess[] = [];
  const begin = async (name: keyof typeof programs, core?: number) => {
    const child = startProgram(name, core);
    children.push(child);
    await started(child);
    return child.pid!;
  };
  try {
    for (let core = 0; core < cores; core++) quota.admitFiller(await begin('filler', core));
    if (kind !== undefined) quota.admitNeighbour(await begin(kind, kind === 'sameCore' ? 0 : undefined));
    if (kind === 'sameCore') await bindTo('0');
    return await use();
  } finally {
    if (kind === 'sameCore') await bindTo(`0-${cores - 1}`);
    for (const child of children) await end(child);
  }
}

function startProgram(name: keyof typeof programs, core: number | undefined): ChildProcess {
  const program = `process.stdin.on('end', () => process.exit()).resume(); ${programs[name]} work();`;
  const bound = core === undefined ? [] : ['taskset', '-c', String(core)];
  const [command, ...args] = [...bound, process.execPath, '-e', program];
  return spawn(command!, args, { stdio: ['pipe', 'ignore', 'inherit'] });
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve());
    child.once('error', reject);
  });
}

async function end(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

/** Threads that exist and threads that they start later. */
async function bindTo(wanted: string): Promise<void> {
  const child = spawn('taskset', ['-a', '-p', '-c', wanted, String(process.pid)], { stdio: 'ignore' });
  const code = await new Promise((resolve, reject) => child.once('exit', resolve).once('error', reject));
  if (code !== 0) throw new Error(`taskset ended with ${code}: this process cannot be bound to cores ${wanted}`);
}
