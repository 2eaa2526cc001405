import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command, Context } from './command.ts';
import { commands } from './commands/index.ts';
import { UnknownCommandError } from './errors.ts';
import { InterruptedError, listenForInterrupts } from './interrupts.ts';
import { commandHelp, nearest, overview } from './options/index.ts';
import { createOutput, type Output, type Stream } from './output.ts';
import { standardStream } from './standard-stream.ts';

/** Exit codes: 0 done, 1 failed, 2 bad input, 128 + signal when interrupted. */
const FAILED = 1;

export interface Streams {
  readonly stdout: Stream;
  readonly stderr: Stream;
}

/** Runs the command that `args` name. @returns the process's exit code; it never throws. */
export async function main(args: readonly string[], streams: Streams = standardStreams()): Promise<number> {
  const options = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length);
  const output = createOutput(streams.stdout, streams.stderr, { json: options.includes('--json') });
  ignoreClosedPipes();
  try {
    return await dispatch(args, options, output);
  } catch (error) {
    return reportError(error, output, { json: options.includes('--json'), verbose: options.includes('--verbose') });
  }
}

const standardStreams = (): Streams => ({
  stdout: standardStream(process.stdout, 1),
  stderr: standardStream(process.stderr, 2),
});

async function dispatch(args: readonly string[], options: readonly string[], output: Output): Promise<number> {
  const [first] = args;
  if (first === '--version') return print(output, await version());
  if (first === undefined || first === '--help' || first === '-h') return print(output, overview(commands));
  if (first === 'help') return dispatch([...args.slice(1), '--help'], ['--help'], output);
  const { command, rest } = findCommand(args);
  if (options.includes('--help') || options.includes('-h')) return print(output, commandHelp(command));
  return await runCommand(command, rest, { output, commandLine: args });
}

async function runCommand(
  command: Command,
  args: readonly string[],
  about: Omit<Context, 'interrupts'>,
): Promise<number> {
  const { output } = about;
  const interrupts = listenForInterrupts();
  const context: Context = { ...about, interrupts };
  try {
    const { exitCode = 0, report } = await command.start(args, context);
    output.status('');
    if (args.includes('--json') && report !== undefined) output.json(report);
    return exitCode;
  } finally {
    interrupts.dispose();
  }
}

function findCommand(args: readonly string[]): { readonly command: Command; readonly rest: readonly string[] } {
  const words = args.slice(0, args.findIndex((arg) => arg.startsWith('-')) >>> 0);
  for (const command of commands) {
    const own = command.name.split(' ');
    if (own.every((word, index) => words[index] === word)) return { command, rest: args.slice(own.length) };
  }
  const [first = ''] = words;
  const group = commands.filter(({ name }) => name.startsWith(`${first} `));
  const given = group.length > 0 ? words.slice(0, 2).join(' ') : first || args[0]!;
  const names = commands.map(({ name }) => name);
  throw new UnknownCommandError(given, nearest(given, names) ?? group[0]?.name);
}

function print(output: Output, text: string): number {
  output.line(text);
  return 0;
}

/** Says what went wrong, in one line (a stack trace only with `--verbose`), and as JSON where that was asked for. */
function reportError(
  error: unknown,
  output: Output,
  how: { readonly json: boolean; readonly verbose: boolean },
): number {
  output.status('');
  const { message, code, exitCode, stack } = asFailure(error);
  if (error instanceof InterruptedError) {
    output.warn('interrupted');
  } else {
    output.warn(`error: ${message} [${code}]`);
    if (how.verbose && stack !== undefined) output.warn(stack);
  }
  if (how.json) output.json({ error: { code, message } });
  return exitCode;
}

interface Failure {
  readonly message: string;
  readonly code: string;
  readonly exitCode: number;
  readonly stack: string | undefined;
}

function asFailure(error: unknown): Failure {
  const { message, code, exitCode, stack } = (error instanceof Error ? error : new Error(String(error))) as Error & {
    readonly code?: unknown;
    readonly exitCode?: unknown;
  };
  return {
    message,
    code: typeof code === 'string' ? code : 'UNEXPECTED',
    exitCode: typeof exitCode === 'number' ? exitCode : FAILED,
    stack,
  };
}

async function version(): Promise<string> {
  const file = join(import.meta.dirname, '..', 'package.json');
  return (JSON.parse(await readFile(file, 'utf8')) as { readonly version: string }).version;
}

/** `flotilla … | head` closes the pipe early; that is no failure of ours. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.listenerCount('error') > 0) continue;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
