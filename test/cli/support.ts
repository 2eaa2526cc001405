import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

const launcher = join(import.meta.dirname, '..', '..', 'cli', 'flotilla.js');

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has said until now, on both streams. */
  said(): string;
}

/** A directory that is gone after the test. */
export async function directoryFor(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-cli-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts the real command; whatever is left of it after `seconds`, or after the test, is ended by its pid. */
export function start(t: ExecutionContext, cwd: string, args: readonly string[], seconds = 60): Running {
  const child = spawn(process.execPath, [launcher, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = (): void => void child.kill('SIGKILL');
  const timer = setTimeout(end, seconds * 1000);
  t.teardown(end);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, stdout, stderr });
    });
  });
  return { child, ended, said: () => stdout + stderr };
}

export const flotilla = (t: ExecutionContext, cwd: string, ...args: readonly string[]): Promise<Ended> =>
  start(t, cwd, args).ended;

/** The last line of standard output as JSON. */
export function reportOf({ stdout }: Ended): Record<string, unknown> {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
}
