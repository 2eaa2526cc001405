import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { ProcessDiedError } from '../errors.ts';
import { NODE_FLAGS } from './node-flags.ts';

/** Lines of standard error that are kept to be told when a board dies. */
const LAST_LINES = 12;
const STOP_MILLISECONDS = 5_000;
const KILL_MILLISECONDS = 2_000;
const LAST_WORDS_MILLISECONDS = 1_000;

export interface BoardProcess {
  readonly id: string;
  readonly pid: number;
  /** Rejects with its name and last words when it ends before `stop`; never resolves. */
  readonly died: Promise<never>;
  /** The end of what it has said on standard error; waits a moment for its end. */
  lastWords(): Promise<string>;
  /** Asks it to end, then makes it; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface BoardProcessOptions {
  readonly id: string;
  /** Words after `flotilla agent`. */
  readonly args: readonly string[];
  /** The network namespace that it lives in; ours when absent. */
  readonly namespacePath?: string;
  readonly onLine?: (line: string) => void;
}

/**
 * Starts `flotilla agent` as a process of its own. It has its own process group, so that Ctrl-C in the terminal reaches
 * only us, and it ends when our end of its standard input closes: also when we are killed.
 */
export function startBoardProcess({ id, args, namespacePath, onLine }: BoardProcessOptions): BoardProcess {
  const program = join(import.meta.dirname, '..', 'flotilla.js');
  // nsenter becomes the program: the process keeps its number.
  const enter = namespacePath === undefined ? [] : ['nsenter', `--net=${namespacePath}`];
  const agent = [process.execPath, ...NODE_FLAGS, program, 'agent', ...args, '--until-stdin-closes'];
  const [command, ...words] = [...enter, ...agent];
  const child = spawn(command!, words, {
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
  const lines = keepLastLines(child, onLine);
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
    );
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
  });
  let stopping = false;
  const died = exited.then((how): never | Promise<never> => {
    if (stopping) return new Promise<never>(() => {});
    throw new ProcessDiedError(id, how, lines.join('\n'));
  });
  died.catch(() => {});
  return {
    id,
    pid: child.pid ?? 0,
    died,
    async lastWords() {
      await Promise.race([exited, delay(LAST_WORDS_MILLISECONDS)]);
      return lines.join('\n');
    },
    async stop() {
      stopping = true;
      child.stdin?.end();
      if (await endedWithin(exited, STOP_MILLISECONDS)) return;
      child.kill('SIGTERM');
      if (await endedWithin(exited, KILL_MILLISECONDS)) return;
      child.kill('SIGKILL');
      await endedWithin(exited, KILL_MILLISECONDS);
    },
  };
}

function keepLastLines(child: ChildProcess, onLine: ((line: string) => void) | undefined): readonly string[] {
  const lines: string[] = [];
  let rest = '';
  // A write to a process that has just ended fails; its end is told elsewhere.
  child.stdin?.on('error', () => {});
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop()!;
    for (const line of parts) {
      lines.push(line);
      if (lines.length > LAST_LINES) lines.shift();
      onLine?.(line);
    }
  });
  return lines;
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}

async function endedWithin(exited: Promise<unknown>, milliseconds: number): Promise<boolean> {
  return Promise.race([exited.then(() => true), delay(milliseconds).then(() => false)]);
}
