import { type IdKind, idRule, isId } from '../ids.ts';
import { isPlainObject, type JsonObject, jsonProblem } from '../json.ts';

/** One field of a message: how it is checked, and (by `T`) what the program sees. */
export interface Field<T> {
  /** The problem with `value`, naming `path`; null where it is right. */
  problem(value: unknown, path: string): string | null;
  readonly optional?: true;
  /** Never set: it carries the type. */
  readonly type?: T;
}

/** The fields of one kind of message, by name. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

type TypeOf<F> = F extends Field<infer T> ? T : never;
type OptionalNames<S> = { [K in keyof S]: S[K] extends { optional: true } ? K : never }[keyof S];
type Flat<T> = { [K in keyof T]: T[K] };

/** The object type that a table of fields describes. */
export type ObjectOf<S> = Flat<
  { readonly [K in Exclude<keyof S, OptionalNames<S>>]: TypeOf<S[K]> } & {
    readonly [K in OptionalNames<S>]?: TypeOf<S[K]>;
  }
>;

const checked = <T>(rule: string, holds: (value: unknown) => boolean): Field<T> => ({
  problem: (value, path) => (holds(value) ? null : `${path} is not ${rule}`),
});

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

export const text = (longest: number): Field<string> =>
  checked(`a text of at most ${longest} characters`, (value) => {
    return typeof value === 'string' && value.length <= longest && value.isWellFormed();
  });
export const id = (kind: IdKind): Field<string> =>
  checked(`the id of a ${kind} (${idRule(kind)})`, (value) => isId(kind, value));
/** A whole number from 0 up. */
export const count: Field<number> = checked('a whole number from 0', (value) => {
  return Number.isSafeInteger(value) && (value as number) >= 0;
});
/** A finite number from 0 up: seconds, bytes per second, a squared norm. */
export const quantity: Field<number> = checked('a number from 0', (value) => isNumber(value) && value >= 0);
/** A part of a whole. */
export const share: Field<number> = checked('a number from 0 to 1', (value) => {
  return isNumber(value) && value >= 0 && value <= 1;
});
export const real: Field<number> = checked('a finite number', isNumber);
export const flag: Field<boolean> = checked('true or false', (value) => typeof value === 'boolean');
/** `mqtt://host:port`. */
export const brokerUrl: Field<string> = checked('an address like mqtt://HOST:PORT', (value) => {
  return typeof value === 'string' && /^mqtt:\/\/[A-Za-z0-9.:[\]-]{1,255}:[0-9]{1,5}$/.test(value);
});
/** Any JSON object; its owner validates what is inside. */
export const json: Field<JsonObject> = {
  problem: (value, path) => (isPlainObject(value) ? jsonProblem(value, path) : `${path} is not a JSON object`),
};

export const nullable = <T>(field: Field<T>): Field<T | null> => ({
  problem: (value, path) => (value === null ? null : field.problem(value, path)),
});
export const optional = <T>(field: Field<T>): Field<T> & { readonly optional: true } => ({
  problem: field.problem,
  optional: true,
});
export const list = <T>(field: Field<T>, longest: number): Field<readonly T[]> => ({
  problem(value, path) {
    if (!Array.isArray(value)) return `${path} is not a list`;
    if (value.length > longest) return `${path} has ${value.length} items, more than ${longest}`;
    for (const [at, item] of value.entries()) {
      const problem = field.problem(item, `${path}[${at}]`);
      if (problem !== null) return problem;
    }
    return null;
  },
});
export const record = <const S extends Fields>(fields: S): Field<ObjectOf<S>> => ({
  problem: (value, path) => recordProblem(fields, value, path),
});

/** The first problem of `value` against `fields`: a missing, wrong or unknown field; null where there is none. */
export function recordProblem(fields: Fields, value: unknown, path: string): string | null {
  if (!isPlainObject(value)) return `${path} is not a JSON object`;
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(fields, name)) return `${path}.${name} is not a known field`;
  }
  for (const [name, field] of Object.entries(fields)) {
    const member = value[name];
    if (member === undefined) {
      if (field.optional === undefined) return `${path}.${name} is missing`;
      continue;
    }
    const problem = field.problem(member, `${path}.${name}`);
    if (problem !== null) return problem;
  }
  return null;
}
