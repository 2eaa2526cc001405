/** Checks of parsed JSON, each with the name of the field that is wrong. `fail` makes the error. */
export type Fail = (problem: string) => Error;

export function parseObject(text: string, truncated: (problem: string) => Error, fail: Fail): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw truncated((error as Error).message);
  }
  return new Fields(value, '', fail);
}

/** An object whose fields are taken out by name and type. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #fail: Fail;

  constructor(value: unknown, path: string, fail: Fail) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail(`has no object at '${path}'`);
    this.#values = value as Readonly<Record<string, unknown>>;
    this.#path = path;
    this.#fail = fail;
  }

  number(name: string): number {
    return this.#checked(name, 'a number', (value): value is number => Number.isFinite(value));
  }

  text(name: string): string {
    return this.#checked(name, 'a text', (value): value is string => typeof value === 'string');
  }

  oneOf<const T extends string | number>(name: string, choices: readonly T[]): T {
    return this.#checked(name, choices.join(' or '), (value): value is T => choices.includes(value as T));
  }

  object(name: string): Fields {
    return new Fields(this.#values[name], this.#pathOf(name), this.#fail);
  }

  numbers(name: string, length?: number): readonly number[] {
    const wanted = length === undefined ? 'a list of numbers' : `a list of ${length} numbers`;
    return this.#checked(
      name,
      wanted,
      (value): value is number[] =>
        Array.isArray(value) && value.every(Number.isFinite) && (length === undefined || value.length === length),
    );
  }

  /** Each field of an object whose names are not known before. */
  entries<T>(name: string, read: (fields: Fields, name: string) => T): readonly (readonly [string, T])[] {
    const inner = this.object(name);
    return Object.keys(inner.#values).map((each) => [each, read(inner, each)]);
  }

  texts(name: string): readonly string[] {
    return this.#checked(
      name,
      'a list of texts',
      (value): value is string[] => Array.isArray(value) && value.every((each) => typeof each === 'string'),
    );
  }

  list<T>(name: string, read: (element: unknown, path: string, fail: Fail) => T): readonly T[] {
    const elements = this.#checked(name, 'a list', (value): value is unknown[] => Array.isArray(value));
    return elements.map((element, index) => read(element, `${this.#pathOf(name)}[${index}]`, this.#fail));
  }

  objects<T>(name: string, read: (fields: Fields) => T): readonly T[] {
    return this.list(name, (element, path, fail) => read(new Fields(element, path, fail)));
  }

  optional<T>(name: string, read: (name: string) => T): T | undefined {
    return Object.hasOwn(this.#values, name) ? read(name) : undefined;
  }

  #checked<T>(name: string, wanted: string, is: (value: unknown) => value is T): T {
    const value = this.#values[name];
    if (!is(value)) throw this.#fail(`has ${show(value)} at '${this.#pathOf(name)}', where ${wanted} has to be`);
    return value;
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
