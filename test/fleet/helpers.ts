import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = join(import.meta.dirname, '..', '..', 'cli', 'flotilla.js');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Resolves when standard output and error together hold the pattern; rejects when the process ends before. */
  said(pattern: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts the real command; it is killed when the deadline passes, and its boards end with it. */
export function startFlotilla(args: readonly string[], deadlineMilliseconds = 120_000): Running {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
    signal: AbortSignal.timeout(deadlineMilliseconds),
    killSignal: 'SIGKILL',
  });
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
    child.once('close', (code) => resolve({ code, ...text }));
  });
  ended.catch(() => {});
  return {
    pid: child.pid!,
    ended,
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
