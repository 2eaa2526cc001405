import type { Option } from './types.ts';

/** Kinds of options, and what turns one into a required one or gives it a default. */

export function flag(about: string): Option<boolean> {
  return { about, fallback: false, rule: 'a flag', read: () => true };
}

export function text(placeholder: string, about: string): Option<string | undefined> {
  return { about, placeholder, rule: 'some text', read: (value) => (value === '' ? undefined : value) };
}

/** One of a few names. */
export function oneOf<Name extends string>(names: readonly Name[], about: string): Option<Name | undefined> {
  return {
    about: `${about}: ${names.join(', ')}`,
    placeholder: 'NAME',
    rule: `one of ${names.join(', ')}`,
    read: (value) => names.find((name) => name === value),
  };
}

export interface Range {
  readonly least?: number;
  readonly most?: number;
}

export function wholeNumber(about: string, range: Range = {}): Option<number | undefined> {
  const { least = 1, most = Number.MAX_SAFE_INTEGER } = range;
  const read = (value: string): number | undefined => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    return number >= least && number <= most ? number : undefined;
  };
  const upper = most === Number.MAX_SAFE_INTEGER ? 'up' : `to ${most}`;
  return { about, placeholder: 'N', rule: `a whole number from ${least} ${upper}`, read };
}

/** A decimal number of at least `least` (0 when not given). */
export function realNumber(about: string, { least = 0 }: Range = {}): Option<number | undefined> {
  const read = (value: string): number | undefined => {
    const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : Number.NaN;
    return Number.isFinite(number) && number >= least ? number : undefined;
  };
  return { about, placeholder: 'X', rule: `a number from ${least} up`, read };
}

export function required<Value>(option: Option<Value>): Option<NonNullable<Value>> {
  return { ...option, required: true } as Option<NonNullable<Value>>;
}

export function withDefault<Value>(option: Option<Value>, fallback: NonNullable<Value>): Option<NonNullable<Value>> {
  return { ...option, fallback } as Option<NonNullable<Value>>;
}

/** The option may stand without a value and then means `bare`. */
export function withBare<Value>(option: Option<Value>, bare: string): Option<Value> {
  return { ...option, bare };
}
