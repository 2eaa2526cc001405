/**
 * One option of a command, as data: the parser, the help and the types of the values all follow from it.
 * `Value` includes undefined where the option may be left out and nothing stands in for it.
 */
export interface Option<Value> {
  readonly about: string;
  /** What stands for the value in the help; absent for a flag. */
  readonly placeholder?: string;
  /** What the option means when it is given without a value. */
  readonly bare?: string;
  readonly required?: boolean;
  /** The value where the option is left out. */
  readonly fallback?: Value;
  /** Undefined for text that breaks `rule`. */
  readonly read: (text: string) => NonNullable<Value> | undefined;
  /** What a value has to be, after "is not": 'a whole number from 1 to 8'. */
  readonly rule: string;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds options of every type; `any` keeps each inferable.
export type OptionTable = Readonly<Record<string, Option<any>>>;

/** The values of a table's options, keyed as in the table (`microBatches` for `--micro-batches`). */
export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<infer Value> ? Value : never;
};

/** A word of a command beside its options; all of them have to be given. */
export interface Argument {
  readonly name: string;
  readonly about: string;
}

/** The spelling of an option on the command line: `microBatches` is `--micro-batches`. */
export function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
