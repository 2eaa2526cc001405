/**
 * Few things of which some come and go with every micro-batch. A `Map` or `Set` of the language is not for them: when its
 * table is full, also of what was deleted, it moves into a new one, and the old table points to it (V8's `OrderedHashTable`,
 * for iterators that still stand in the old one). Once a table is in the old generation, small collections take it for
 * alive: it keeps the next alive, which then becomes old as well, and so on, with everything that lay in them, until all is
 * collected. [docs/decisions/0031] Here are arrays, searched from the beginning: for some dozens at most.
 */
export class FewMap<K, V> {
  readonly #keys: K[] = [];
  readonly #values: V[] = [];

  get size(): number {
    return this.#keys.length;
  }

  has(key: K): boolean {
    return this.#keys.indexOf(key) >= 0;
  }

  get(key: K): V | undefined {
    const at = this.#keys.indexOf(key);
    return at < 0 ? undefined : this.#values[at];
  }

  /** A new key is the last one; an old one stays where it is. */
  set(key: K, value: V): void {
    const at = this.#keys.indexOf(key);
    if (at < 0) {
      this.#keys.push(key);
      this.#values.push(value);
    } else {
      this.#values[at] = value;
    }
  }

  delete(key: K): boolean {
    const at = this.#keys.indexOf(key);
    if (at < 0) return false;
    this.#keys.splice(at, 1);
    this.#values.splice(at, 1);
    return true;
  }

  clear(): void {
    this.#keys.length = 0;
    this.#values.length = 0;
  }

  /** As they are now, in the order in which they came: what is deleted meanwhile stays in the list. */
  keys(): readonly K[] {
    return [...this.#keys];
  }

  values(): readonly V[] {
    return [...this.#values];
  }

  entries(): readonly (readonly [K, V])[] {
    return this.#keys.map((key, index) => [key, this.#values[index]!] as const);
  }
}

/** As `FewMap`, of things without keys. */
export class FewSet<T> {
  readonly #things: T[] = [];

  get size(): number {
    return this.#things.length;
  }

  add(thing: T): void {
    if (!this.#things.includes(thing)) this.#things.push(thing);
  }

  delete(thing: T): boolean {
    const at = this.#things.indexOf(thing);
    if (at >= 0) this.#things.splice(at, 1);
    return at >= 0;
  }

  clear(): void {
    this.#things.length = 0;
  }

  /** As they are now, in the order in which they came. */
  values(): readonly T[] {
    return [...this.#things];
  }
}

/**
 * The last of what came, at least `capacity` of them and at most twice as many: a full half becomes the older one and the
 * one before is forgotten as a whole, so that nothing is deleted one by one.
 */
export class Recent<T> {
  readonly #capacity: number;
  #newer = new Set<T>();
  #older: ReadonlySet<T> = new Set();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  has(thing: T): boolean {
    return this.#newer.has(thing) || this.#older.has(thing);
  }

  add(thing: T): void {
    if (this.#newer.size >= this.#capacity) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    this.#newer.add(thing);
  }
}
