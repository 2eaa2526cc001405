import { CanonicalJsonError } from './errors.ts';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Deeper values are refused: a peer must not choose how deep our stack goes. */
export const MAX_JSON_DEPTH = 64;

/**
 * The canonical form of RFC 8785: no spaces, keys ordered by UTF-16 code units, numbers and strings as
 * ECMAScript writes them. `undefined` members are left out, as `JSON.stringify` does.
 * @throws CanonicalJsonError for NaN, infinities, lone surrogates, functions, and values deeper than 64.
 */
export function canonicalJson(value: unknown): string {
  return write(value, '$', 0);
}

function write(value: unknown, path: string, depth: number): string {
  if (depth > MAX_JSON_DEPTH) throw new CanonicalJsonError(path, `is deeper than ${MAX_JSON_DEPTH} levels`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return writeNumber(value, path);
  if (typeof value === 'string') return writeString(value, path);
  if (Array.isArray(value)) return `[${value.map((item, at) => write(item, `${path}[${at}]`, depth + 1)).join(',')}]`;
  if (isPlainObject(value)) return writeObject(value, path, depth);
  throw new CanonicalJsonError(path, `is a ${typeof value}`);
}

function writeNumber(value: number, path: string): string {
  if (!Number.isFinite(value)) throw new CanonicalJsonError(path, `is ${value}`);
  return JSON.stringify(value);
}

function writeString(value: string, path: string): string {
  if (!value.isWellFormed()) throw new CanonicalJsonError(path, 'holds a lone surrogate');
  return JSON.stringify(value);
}

function writeObject(value: Record<string, unknown>, path: string, depth: number): string {
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  // The default order of sort() is by UTF-16 code units, which is what RFC 8785 §3.2.3 asks for.
  const members = keys.sort().map((key) => {
    return `${writeString(key, path)}:${write(value[key], `${path}.${key}`, depth + 1)}`;
  });
  return `{${members.join(',')}}`;
}

/** Whether `value` came from an object literal or from `JSON.parse`. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * The problem that keeps `value` from being plain JSON of bounded depth, or null. A member named `__proto__`
 * is refused: whoever copies the object later would set its prototype.
 */
export function jsonProblem(value: unknown, path: string, depth = 0): string | null {
  if (depth > MAX_JSON_DEPTH) return `${path} is deeper than ${MAX_JSON_DEPTH} levels`;
  if (value === null || typeof value === 'boolean') return null;
  if (typeof value === 'number') return Number.isFinite(value) ? null : `${path} is ${value}`;
  if (typeof value === 'string') return value.isWellFormed() ? null : `${path} holds a lone surrogate`;
  if (Array.isArray(value))
    return firstProblem(
      value.map((item, at) => [`${path}[${at}]`, item]),
      depth,
    );
  if (!isPlainObject(value)) return `${path} is not JSON`;
  if (Object.hasOwn(value, '__proto__')) return `${path}.__proto__ is not an allowed name`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return firstProblem(
    members.map(([key, member]) => [`${path}.${key}`, member]),
    depth,
  );
}

function firstProblem(members: readonly (readonly [string, unknown])[], depth: number): string | null {
  for (const [path, member] of members) {
    const problem = jsonProblem(member, path, depth + 1);
    if (problem !== null) return problem;
  }
  return null;
}
