import { isMap, isScalar, isSeq, type LineCounter, type Node, type Pair, type YAMLMap } from 'yaml';
import { nearest } from '../../options/index.ts';
import { ScenarioError } from '../errors.ts';
import { type Quantity, readQuantity } from './quantities.ts';

/** Reads typed values out of the nodes of a YAML file, and says at which line and key one is wrong. */
export class ScenarioReader {
  readonly #file: string;
  readonly #lines: LineCounter;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  fail(node: unknown, key: string, problem: string): never {
    const offset = (node as Node | null | undefined)?.range?.[0];
    throw new ScenarioError(this.#file, offset === undefined ? 0 : this.#lines.linePos(offset).line, key, problem);
  }

  /** A map that has no other keys than these. */
  map(node: unknown, where: string, known: readonly string[]): YAMLMap {
    if (!isMap(node)) return this.fail(node, where, `${where} is not a list of "key: value" lines`);
    for (const { key } of node.items as Pair<Node>[]) {
      const name = isScalar(key) ? String(key.value) : '?';
      if (known.includes(name)) continue;
      this.fail(key, name, `unknown key "${name}" in ${where}. ${hintAt(name, known)}`);
    }
    return node;
  }

  list(map: YAMLMap, key: string): readonly unknown[] {
    const node = map.get(key, true) as unknown;
    if (isSeq(node) && node.items.length > 0) return node.items;
    return this.fail(node ?? map, key, `${key} is not a list with at least one entry`);
  }

  /** One of some words. */
  choice<const T extends string>(map: YAMLMap, key: string, known: readonly T[]): T {
    const value = map.get(key);
    const node = (map.get(key, true) as unknown) ?? map;
    if (known.includes(value as T)) return value as T;
    const problem = value === undefined ? `has no key "${key}"` : `${key} "${String(value)}" is not known`;
    return this.fail(node, key, `${problem}. ${hintAt(String(value), known)}`);
  }

  /** Undefined where the key is not there. */
  quantity(map: YAMLMap, key: string, quantity: Quantity): number | undefined {
    return this.value(map, key, (value) => readQuantity(quantity, value));
  }

  /** What `read` makes of a single value; text from it says what is wrong. Undefined where the key is not there. */
  value<T extends number>(map: YAMLMap, key: string, read: (value: unknown) => T | string): T | undefined {
    if (!map.has(key)) return undefined;
    const node = map.get(key, true) as unknown;
    if (!isScalar(node)) return this.fail(node ?? map, key, `${key} is not a single value`);
    const value = read(node.value);
    return typeof value === 'string' ? this.fail(node, key, `${key} "${String(node.value)}" ${value}`) : value;
  }
}

function hintAt(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? `Known are ${known.join(', ')}.` : `Did you mean "${meant}"?`;
}
