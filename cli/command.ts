import type { Interrupts } from './interrupts.ts';
import {
  type Argument,
  type Described,
  flag,
  type OptionTable,
  type Parsed,
  parseCommandLine,
  type Syntax,
} from './options/index.ts';
import type { Output } from './output.ts';

/** What a command is given beside its options. */
export interface Context {
  readonly output: Output;
  readonly interrupts: Interrupts;
  /** All that was typed after the program's name. */
  readonly commandLine: readonly string[];
}

/** How a command ended, where it did not throw. */
export interface Outcome {
  /** 0 when not given. */
  readonly exitCode?: number;
  /** What `--json` prints. */
  readonly report?: unknown;
}

/** One row of the table of commands. */
export interface Command extends Described {
  /** Reads the options, and does it. */
  readonly start: (args: readonly string[], context: Context) => Promise<Outcome>;
}

/** Options that every command has. */
export const commonOptions = {
  json: flag('print the result as one JSON object, the last line of standard output; all else goes to standard error'),
  verbose: flag('say more: what the processes log, and where an error comes from'),
  help: flag('print this help'),
} as const;

export type CommandInput<Table extends OptionTable> = Parsed<Table & typeof commonOptions>;

export interface Definition<Table extends OptionTable> extends Omit<Syntax<Table>, 'arguments'> {
  readonly summary: string;
  readonly details?: readonly string[];
  readonly arguments?: readonly Argument[];
  readonly examples: readonly string[];
  readonly run: (input: CommandInput<Table>, context: Context) => Promise<Outcome>;
}

export function defineCommand<Table extends OptionTable>({ run, ...described }: Definition<Table>): Command {
  const syntax = {
    ...described,
    arguments: described.arguments ?? [],
    options: { ...described.options, ...commonOptions },
  };
  return { ...syntax, start: (args, context) => run(parseCommandLine(syntax, args), context) };
}
