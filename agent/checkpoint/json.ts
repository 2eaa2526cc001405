/** Readers that turn parsed JSON into typed values, or say which field is wrong. Fields that are not known are refused. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** @throws whatever `fail` makes of the problem, which names the field */
export type Reader<T> = (value: unknown, field: string, fail: (problem: string) => Error) => T;

function checked<T>(is: (value: unknown) => boolean, wanted: string): Reader<T> {
  return (value, field, fail) => {
    if (!is(value)) throw fail(`'${field}' is ${JSON.stringify(value)}, not ${wanted}`);
    return value as T;
  };
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text = checked<string>((value) => typeof value === 'string', 'a text');
export const finite = checked<number>(Number.isFinite, 'a number');
/** 0, 1, 2, … */
export const count = checked<number>((value) => isWhole(value) && value >= 0, 'a whole number from 0 up');
/** 1, 2, 3, … */
export const size = checked<number>((value) => isWhole(value) && value >= 1, 'a whole number from 1 up');
export const hex256 = checked<string>((value) => /^[0-9a-f]{64}$/.test(String(value)), '64 hexadecimal digits');
/** Anything that JSON can say. */
export const json: Reader<Json> = (value) => value as Json;

export function list<T>(element: Reader<T>): Reader<readonly T[]> {
  return (value, field, fail) => {
    if (!Array.isArray(value)) throw fail(`'${field}' is ${JSON.stringify(value)}, not a list`);
    return value.map((each, index) => element(each, `${field}[${index}]`, fail));
  };
}

/** An object with any names, each of one kind. */
export function table<T>(element: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, field, fail) => {
    if (!isObject(value)) throw fail(`'${field}' is ${JSON.stringify(value)}, not an object`);
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, element(each, `${field}.${name}`, fail)]),
    );
  };
}

/** An object with exactly these fields. */
export function object<T>(fields: { readonly [Name in keyof T]-?: Reader<T[Name]> }): Reader<T> {
  const names = Object.keys(fields);
  return (value, field, fail) => {
    if (!isObject(value)) throw fail(`'${field}' is ${JSON.stringify(value)}, not an object`);
    for (const name of Object.keys(value)) {
      if (!names.includes(name)) throw fail(`'${field}' has a field '${name}', which is not known`);
    }
    for (const name of names) {
      if (!Object.hasOwn(value, name)) throw fail(`'${field}' has no field '${name}'`);
    }
    const entries = names.map((name) => {
      const read = fields[name as keyof T] as Reader<unknown>;
      return [name, read(value[name], `${field}.${name}`, fail)];
    });
    return Object.fromEntries(entries) as T;
  };
}
