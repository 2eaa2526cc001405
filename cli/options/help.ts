import type { Syntax } from './parse.ts';
import { dashed, type Option, type OptionTable } from './types.ts';

const WIDTH = 100;

export interface Described extends Syntax<OptionTable> {
  readonly summary: string;
  /** A paragraph or two for the help alone. */
  readonly details?: readonly string[];
  readonly examples: readonly string[];
}

/** The help of one command: usage, options with their defaults, examples. */
export function commandHelp(command: Described): string {
  const { name, summary, details = [], examples } = command;
  return [
    `${summary}`,
    '',
    `Usage: ${usage(command)}`,
    ...details.flatMap((paragraph) => ['', ...wrap(paragraph, WIDTH)]),
    ...section(
      'Arguments',
      command.arguments.map(({ name: word, about }) => [word, about]),
    ),
    ...section(
      'Options',
      Object.entries(command.options).map(([option, row]) => [spelling(option, row), description(row)]),
    ),
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...examples.map((example) => `  ${example}`)]),
    ...(name === '' ? [] : ['', 'Bad input ends with exit code 2, another failure with 1, Ctrl-C with 130.']),
  ].join('\n');
}

/** The list of commands. */
export function overview(commands: readonly Described[]): string {
  return [
    'Train one neural network across the small boards you already own.',
    '',
    'Usage: flotilla COMMAND [options]',
    ...section(
      'Commands',
      commands.map(({ name, summary }) => [name, summary]),
    ),
    '',
    '`flotilla COMMAND --help` says more about each of them. `flotilla --version` prints the version.',
  ].join('\n');
}

function usage({ name, arguments: words, options }: Described): string {
  const requiredOptions = Object.entries(options).filter(([, { required }]) => required === true);
  return [
    `flotilla ${name}`,
    ...words.map((word) => word.name),
    ...requiredOptions.map(([option, row]) => spelling(option, row)),
    '[options]',
  ].join(' ');
}

function spelling(name: string, { placeholder, bare }: Option<unknown>): string {
  if (placeholder === undefined) return `--${dashed(name)}`;
  return bare === undefined ? `--${dashed(name)} ${placeholder}` : `--${dashed(name)} [${placeholder}]`;
}

function description({ about, fallback, required, placeholder }: Option<unknown>): string {
  if (required === true) return `${about} (required)`;
  if (placeholder === undefined || fallback === undefined) return about;
  return `${about} (default ${String(fallback)})`;
}

function section(title: string, rows: readonly (readonly [string, string])[]): readonly string[] {
  if (rows.length === 0) return [];
  const left = Math.max(...rows.map(([name]) => name.length)) + 4;
  const lines = rows.flatMap(([name, about]) =>
    wrap(about, WIDTH - left).map((line, index) => `${(index === 0 ? `  ${name}` : '').padEnd(left)}${line}`),
  );
  return ['', `${title}:`, ...lines];
}

/** Lines of at most `width` characters, broken at spaces. */
function wrap(paragraph: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
