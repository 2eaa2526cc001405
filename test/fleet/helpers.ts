import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a test of real processes may take: many times what it takes here, for a slow machine that does much else. */
export const patienceMilliseconds = 400_000;
/** Before that, so that a test that fails can show what its processes have said. */
const processMilliseconds = 300_000;

const program = join(import.meta.dirname, '..', '..', 'cli', 'flotilla.js');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has said until now, on both streams. */
  text(): string;
  /** Resolves when standard output and error together hold the pattern; rejects when the process ends before. */
  said(pattern: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly deadlineMilliseconds?: number;
  /** The network namespace that it lives in; ours when absent. */
  readonly namespacePath?: string | undefined;
}

/** Starts the real command; it is killed when the deadline passes, and its boards end with it. */
export function startFlotilla(
  args: readonly string[],
  { cwd, env, deadlineMilliseconds = processMilliseconds, namespacePath }: StartOptions = {},
): Running {
  // nsenter becomes the program: the process keeps its number.
  const enter = namespacePath === undefined ? [] : ['nsenter', `--net=${namespacePath}`];
  const [command, ...words] = [...enter, process.execPath, program, ...args];
  const child = spawn(command!, words, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env, ORT_DISABLE_TELEMETRY: '1' },
  });
  const deadline = setTimeout(() => child.kill('SIGKILL'), deadlineMilliseconds);
  const text = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(deadline);
      resolve({ code, ...text });
    });
  });
  ended.catch(() => {});
  return {
    pid: child.pid!,
    child,
    ended,
    text: () => text.stdout + text.stderr,
    kill: (signal) => void child.kill(signal),
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(text.stdout + text.stderr)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        ended.then(() => reject(new Error(`it ended without saying ${pattern}:\n${text.stderr}`)), reject);
      }),
  };
}

export const runFlotilla = (args: readonly string[]): Promise<Ended> => startFlotilla(args).ended;

export interface AgentProcess {
  readonly board: string;
  readonly pid: number;
}

/** The boards that a command has started, from /proc: the process ids of its children by the id of their board. */
export async function boardsOf(parent: number): Promise<readonly AgentProcess[]> {
  const found = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .map(agentOf),
  );
  return found
    .flatMap((agent) => (agent?.parent === parent ? [agent] : []))
    .sort((a, b) => a.board.localeCompare(b.board));
}

async function agentOf(pid: number): Promise<(AgentProcess & { readonly parent: number }) | undefined> {
  const [stat, command] = await Promise.all(
    ['stat', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
  );
  const words = command!.split('\0');
  if (!words.includes('agent')) return undefined;
  // The command's name is in brackets and may hold spaces; the parent is the second field after it.
  const parent = Number(stat!.slice(stat!.lastIndexOf(')') + 2).split(' ')[1]);
  return { board: words[words.indexOf('--id') + 1]!, pid, parent };
}

/** Runs `use` with a directory that is removed afterwards. */
export async function inTemporaryDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-test-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The losses of all steps of a finished run. */
export async function lossesOf(directory: string): Promise<number[]> {
  return (JSON.parse(await readFile(join(directory, 'run.json'), 'utf8')) as { losses: number[] }).losses;
}

/** Sensor recordings for `harcnn`: nine channels, two classes. */
export async function writeSensorData(directory: string, rows = 3000): Promise<void> {
  const header = `label,${Array.from({ length: 9 }, (_, i) => `ch${i}`).join()}`;
  const lines = Array.from({ length: rows }, (_, row) => {
    const label = Math.floor(row / 300) % 2;
    const values = Array.from({ length: 9 }, (_, i) => Math.sin(row * (0.1 + label * 0.2) + i).toFixed(4));
    return [label, ...values].join();
  });
  for (const file of ['train.csv', 'test.csv'])
    await writeFile(join(directory, file), `${[header, ...lines].join('\n')}\n`);
}

export { freePort } from '../free-port.ts';
