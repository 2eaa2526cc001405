import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { startFlotilla } from '../fleet/helpers.ts';

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
  /** Resolves when it has said something that fits; rejects when it ends before. */
  until(pattern: RegExp): Promise<void>;
}

/** A directory that is gone after the test. */
export async function directoryFor(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-cli-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts the real command; whatever is left of it after `seconds`, or after the test, is ended by its pid. */
export function start(t: ExecutionContext, cwd: string, args: readonly string[], seconds = 150): Running {
  const { child, ended, text, said } = startFlotilla(args, { cwd, deadlineMilliseconds: seconds * 1000 });
  t.teardown(() => void child.kill('SIGKILL'));
  return { child, ended: ended.then(({ code: exitCode, ...all }) => ({ exitCode, ...all })), said: text, until: said };
}

export const flotilla = (t: ExecutionContext, cwd: string, ...args: readonly string[]): Promise<Ended> =>
  start(t, cwd, args).ended;

/** The last line of standard output as JSON. */
export function reportOf({ stdout }: { readonly stdout: string }): Record<string, unknown> {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
}
