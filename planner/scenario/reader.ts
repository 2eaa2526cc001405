import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { ScenarioError } from '../errors.ts';

/** A scenario is a few KiB; a longer one is something else. */
const LONGEST_TEXT = 4 * 1024 * 1024;

export type NumberRule = {
  readonly least?: number;
  readonly most?: number;
  readonly above?: number;
  readonly whole?: boolean;
};

/** Takes typed values out of a YAML text and says, of one that is wrong, its line, its key and what it is. */
export class ScenarioReader {
  readonly root: YAMLMap;
  readonly #file: string;
  readonly #lines = new LineCounter();

  /** @throws ScenarioError for text that is not YAML, or not a map */
  constructor(text: string, file: string) {
    this.#file = file;
    if (text.length > LONGEST_TEXT) throw new ScenarioError(file, 0, '', 'is longer than 4 MiB; is it a scenario?');
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const [broken] = document.errors;
    if (broken !== undefined) {
      throw new ScenarioError(file, this.#lines.linePos(broken.pos[0]).line, '', `is not YAML: ${broken.message}`);
    }
    if (!isMap(document.contents)) {
      throw new ScenarioError(file, 1, '', 'a scenario is a list of "key: value" lines');
    }
    this.root = document.contents;
  }

  fail(node: unknown, key: string, problem: string): never {
    const offset = (node as Node | undefined | null)?.range?.[0];
    throw new ScenarioError(this.#file, offset === undefined ? 0 : this.#lines.linePos(offset).line, key, problem);
  }

  /** Refuses keys that are not `known`, and the absence of those `required`. */
  keys(map: YAMLMap, where: string, known: readonly string[], required: readonly string[]): void {
    for (const { key } of map.items as Pair<Node>[]) {
      const name = isScalar(key) ? String(key.value) : String(key);
      if (!known.includes(name)) {
        this.fail(key, name, `unknown key '${name}' in ${where}; known are ${known.join(', ')}`);
      }
    }
    for (const name of required) if (!map.has(name)) this.fail(map, name, `${where} has no key '${name}'; add it`);
  }

  map(parent: YAMLMap, key: string): YAMLMap | undefined {
    if (!parent.has(key)) return undefined;
    const node = parent.get(key, true) as unknown;
    return isMap(node) ? node : this.fail(node, key, `${key} is not a list of "key: value" lines`);
  }

  maps(parent: YAMLMap, key: string): readonly YAMLMap[] {
    return this.list(parent, key).map((item) =>
      isMap(item) ? item : this.fail(item, key, `an item of ${key} is not "key: value" lines`),
    );
  }

  list(parent: YAMLMap, key: string): readonly unknown[] {
    const node = parent.get(key, true) as unknown;
    if (isSeq(node) && node.items.length > 0) return node.items;
    return this.fail(node, key, `${key} is not a list of at least one item`);
  }

  number(parent: YAMLMap, key: string, rule: NumberRule, fallback?: number): number {
    if (!parent.has(key) && fallback !== undefined) return fallback;
    return this.numberOf(parent.get(key, true), key, rule);
  }

  numberOf(node: unknown, key: string, { least, most, above, whole = false }: NumberRule): number {
    const value = isScalar(node) ? node.value : undefined;
    const isFine =
      typeof value === 'number' &&
      Number.isFinite(value) &&
      (!whole || Number.isSafeInteger(value)) &&
      value >= (least ?? Number.NEGATIVE_INFINITY) &&
      value <= (most ?? Number.POSITIVE_INFINITY) &&
      value > (above ?? Number.NEGATIVE_INFINITY);
    if (isFine) return value;
    const bounds = [
      above === undefined ? '' : ` above ${above}`,
      least === undefined ? '' : ` from ${least}`,
      most === undefined ? '' : ` up to ${most}`,
    ].join('');
    return this.fail(node, key, `${key} is ${show(node)}; it must be a ${whole ? 'whole ' : ''}number${bounds}`);
  }

  text(parent: YAMLMap, key: string, fallback?: string): string {
    if (!parent.has(key) && fallback !== undefined) return fallback;
    const node = parent.get(key, true) as unknown;
    const value = isScalar(node) ? node.value : undefined;
    if ((typeof value === 'string' && value !== '') || typeof value === 'number') return String(value);
    return this.fail(node, key, `${key} is ${show(node)}; it must be some text`);
  }

  oneOf<Name extends string>(parent: YAMLMap, key: string, names: readonly Name[], fallback: Name): Name {
    const value = this.text(parent, key, fallback);
    const found = names.find((name) => name === value);
    return (
      found ?? this.fail(parent.get(key, true), key, `${key} is '${value}'; it must be one of ${names.join(', ')}`)
    );
  }

  flag(parent: YAMLMap, key: string): boolean {
    if (!parent.has(key)) return false;
    const node = parent.get(key, true) as unknown;
    const value = isScalar(node) ? node.value : undefined;
    return typeof value === 'boolean'
      ? value
      : this.fail(node, key, `${key} is ${show(node)}; it must be true or false`);
  }
}

function show(node: unknown): string {
  if (node === undefined || node === null) return 'missing';
  if (!isScalar(node)) return 'not a single value';
  return typeof node.value === 'string' ? `'${node.value.slice(0, 60)}'` : String(node.value);
}
