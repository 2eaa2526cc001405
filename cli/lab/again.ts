import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { InterruptedError, Interrupts } from '../interrupts.ts';
import { namespacePath } from './network/index.ts';

export interface Again {
  readonly pid: number | undefined;
  /** Its exit code. */
  readonly ended: Promise<number>;
  /** Signals are passed on no longer. */
  letGo(): void;
}

export interface AgainOptions {
  /** The network namespace that it is to run in; ours when absent. */
  readonly namespace: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** It has a fourth descriptor, which closes when this process ends. */
  readonly isKept?: boolean;
  readonly interrupts: Interrupts;
}

/** Starts this program with another command line, at the same terminal. What interrupts this process interrupts it too. */
export function startAgain(commandLine: readonly string[], options: AgainOptions): Again {
  const { namespace, env = process.env, isKept = false, interrupts } = options;
  const enter = namespace === undefined ? [] : ['nsenter', `--net=${namespacePath(namespace)}`];
  const program = join(import.meta.dirname, '..', 'flotilla.js');
  const [command, ...args] = [...enter, process.execPath, program, ...commandLine];
  const child = spawn(command!, args, {
    stdio: ['inherit', 'inherit', 'inherit', ...(isKept ? (['pipe'] as const) : [])],
    env,
  });
  const { gentle, urgent } = interrupts;
  // The same signal, and so the same exit code.
  const pass = () => void child.kill((gentle.reason as InterruptedError).exitCode - 128);
  for (const signal of [gentle, urgent]) signal.addEventListener('abort', pass, { once: true });
  if (gentle.aborted) pass();
  return {
    pid: child.pid,
    ended: exitOf(child),
    letGo() {
      for (const signal of [gentle, urgent]) signal.removeEventListener('abort', pass);
    },
  };
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
  });
}
