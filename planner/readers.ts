import { PlanFieldError } from './errors.ts';

/** Takes a value of unknown origin and gives it back typed, or throws `PlanFieldError` with its path. */
export type Reader<T> = (value: unknown, path: string) => T;

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

type Readers = Readonly<Record<string, Reader<unknown>>>;
type Values<R extends Readers> = { readonly [Key in keyof R]: ReturnType<R[Key]> };
type OptionalValues<R extends Readers> = { readonly [Key in keyof R]?: ReturnType<R[Key]> };

/** An object of exactly these fields; unknown ones are refused, those of `optional` may be absent. */
export function object<R extends Readers, O extends Readers = Record<never, never>>(
  required: R,
  optional?: O,
): Reader<Values<R> & OptionalValues<O>> {
  const readers = new Map(Object.entries<Reader<unknown>>({ ...required, ...optional }));
  const needed = new Set(Object.keys(required));
  return (value, path) => {
    const given = plainObject(value, path);
    for (const key of Object.keys(given)) {
      if (!readers.has(key)) throw new PlanFieldError(`${path}.${key}`, 'absent (no such field is known)', given[key]);
    }
    const read: Record<string, unknown> = {};
    for (const [key, reader] of readers) {
      if (needed.has(key) || Object.hasOwn(given, key)) read[key] = reader(given[key], `${path}.${key}`);
    }
    return read as Values<R> & OptionalValues<O>;
  };
}

/** A list with at least one and at most `most` elements. */
export function list<T>(reader: Reader<T>, most: number): Reader<readonly T[]> {
  return listOf(reader, 1, most);
}

export function listOrNone<T>(reader: Reader<T>, most: number): Reader<readonly T[]> {
  return listOf(reader, 0, most);
}

function listOf<T>(reader: Reader<T>, least: number, most: number): Reader<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) {
      throw new PlanFieldError(path, `a list of ${least} to ${most} elements`, value);
    }
    return value.map((element, index) => reader(element, `${path}[${index}]`));
  };
}

const LONGEST_TEXT = 1024;

export const text: Reader<string> = (value, path) => {
  if (typeof value === 'string' && value !== '' && value.length <= LONGEST_TEXT) return value;
  throw new PlanFieldError(path, `a text of 1 to ${LONGEST_TEXT} characters`, value);
};

export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): Reader<number> {
  const expected =
    most === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${least}`
      : `a whole number from ${least} to ${most}`;
  return (value, path) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw new PlanFieldError(path, expected, value);
  };
}

export function numberBetween(least: number, most: number): Reader<number> {
  const expected = most === Number.MAX_VALUE ? `a number of at least ${least}` : `a number from ${least} to ${most}`;
  return (value, path) => {
    if (typeof value === 'number' && value >= least && value <= most) return value;
    throw new PlanFieldError(path, expected, value);
  };
}

export const flag: Reader<boolean> = (value, path) => {
  if (typeof value === 'boolean') return value;
  throw new PlanFieldError(path, 'true or false', value);
};

export function oneOf<const T extends string | number>(choices: readonly T[]): Reader<T> {
  return (value, path) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new PlanFieldError(path, choices.map((choice) => `'${choice}'`).join(' or '), value);
    return found;
  };
}

/** A URL of one of these protocols, as in `mqtt:`. */
export function url(protocols: readonly string[]): Reader<string> {
  return (value, path) => {
    const address = text(value, path);
    if (protocols.includes(URL.parse(address)?.protocol ?? '')) return address;
    throw new PlanFieldError(
      path,
      `a URL that begins with ${protocols.map((name) => `${name}//`).join(' or ')}`,
      value,
    );
  };
}

const DEEPEST_JSON = 8;

/** An object of any JSON values, copied; numbers are finite and nothing is nested deeper than 8 levels. */
export const jsonObject: Reader<JsonObject> = (value, path) => {
  return readJson(plainObject(value, path), path, DEEPEST_JSON) as JsonObject;
};

function readJson(value: unknown, path: string, depth: number): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (depth === 0 || typeof value !== 'object') throw new PlanFieldError(path, 'a JSON value, 8 levels at most', value);
  if (Array.isArray(value)) return value.map((element, index) => readJson(element, `${path}[${index}]`, depth - 1));
  const entries = Object.entries(plainObject(value, path));
  return Object.fromEntries(entries.map(([key, inner]) => [key, readJson(inner, `${path}.${key}`, depth - 1)]));
}

function plainObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  const prototype = typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : undefined;
  if (prototype === Object.prototype || prototype === null) return value as Readonly<Record<string, unknown>>;
  throw new PlanFieldError(path, 'an object', value);
}
