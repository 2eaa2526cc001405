import { parseArgs } from 'node:util';
import { ArgumentError, OptionValueError, UnknownOptionError } from '../errors.ts';
import { nearest } from './nearest.ts';
import { type Argument, dashed, type Option, type OptionTable, type OptionValues } from './types.ts';

/** What a command takes. */
export interface Syntax<Table extends OptionTable> {
  /** The command's words, for messages: 'fleet init'. */
  readonly name: string;
  readonly arguments: readonly Argument[];
  readonly options: Table;
}

export interface Parsed<Table extends OptionTable> {
  readonly options: OptionValues<Table>;
  readonly arguments: readonly string[];
  /** The options that were really typed. */
  readonly given: ReadonlySet<keyof Table & string>;
  /** Their values as they were typed; undefined for flags. */
  readonly typed: ReadonlyMap<string, string | undefined>;
}

type Given = { readonly name: string; readonly rawName: string; readonly value: string | undefined };

/** @throws UnknownOptionError, OptionValueError, ArgumentError */
export function parseCommandLine<Table extends OptionTable>(
  syntax: Syntax<Table>,
  args: readonly string[],
): Parsed<Table> {
  const names = new Map(Object.keys(syntax.options).map((name) => [dashed(name), name]));
  const { options, words } = splitTokens(syntax, insertBareValues(syntax.options, args));
  const typed = new Map<string, string | undefined>();
  for (const { name: spelling, rawName, value } of options) {
    const name = names.get(spelling);
    if (name === undefined) throw new UnknownOptionError(syntax.name, rawName, nearest(spelling, [...names.keys()]));
    if (typed.has(name)) throw new OptionValueError(spelling, 'is given twice');
    typed.set(name, value);
  }
  const values = Object.fromEntries(
    Object.entries(syntax.options).map(([name, option]) => [name, readValue(name, option, typed)]),
  );
  checkArguments(syntax, words);
  return { options: values as OptionValues<Table>, arguments: words, given: new Set(typed.keys()), typed };
}

function splitTokens(syntax: Syntax<OptionTable>, args: readonly string[]) {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(syntax.options).map(([name, { placeholder }]) => [
        dashed(name),
        { type: placeholder === undefined ? 'boolean' : 'string' } as const,
      ]),
    ),
  });
  const options: Given[] = [];
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'option') options.push({ name: token.name, rawName: token.rawName, value: token.value });
    if (token.kind === 'positional') words.push(token.value);
  }
  return { options, words };
}

/** `--resume` alone becomes `--resume=…` with what it then means. */
function insertBareValues(table: OptionTable, args: readonly string[]): readonly string[] {
  const bare = new Map(
    Object.entries(table).flatMap(([name, option]) =>
      option.bare === undefined ? [] : [[`--${dashed(name)}`, option.bare] as const],
    ),
  );
  return args.map((arg, index) => {
    const meaning = bare.get(arg as `--${string}`);
    const next = args[index + 1];
    const isAlone = next === undefined || next.startsWith('-');
    return meaning !== undefined && isAlone ? `${arg}=${meaning}` : arg;
  });
}

function readValue(name: string, option: Option<unknown>, typed: ReadonlyMap<string, string | undefined>): unknown {
  const spelling = dashed(name);
  if (!typed.has(name)) {
    if (option.required === true) throw new OptionValueError(spelling, `is missing: ${option.about}`);
    return option.fallback;
  }
  const text = typed.get(name);
  if (option.placeholder === undefined) {
    if (text !== undefined) throw new OptionValueError(spelling, `takes no value, but is given '${text}'`);
    return true;
  }
  // In loose mode a lone `--boards --json` takes the next option for the value.
  if (text === undefined || text.startsWith('--'))
    throw new OptionValueError(spelling, `needs a value: ${option.rule}`);
  const value = option.read(text);
  if (value === undefined) throw new OptionValueError(spelling, `is '${text}', which is not ${option.rule}`);
  return value;
}

function checkArguments({ name, arguments: wanted }: Syntax<OptionTable>, words: readonly string[]): void {
  const missing = wanted[words.length];
  if (missing !== undefined) throw new ArgumentError(name, `${missing.name} is missing (${missing.about})`);
  const extra = words[wanted.length];
  if (extra !== undefined) throw new ArgumentError(name, `'${extra}' is one word too many`);
}
