import { LANES, type Lanes } from './step-model.ts';
import type { SearchTables } from './tables.ts';

export type NewLabel = {
  readonly board: number;
  readonly start: number;
  readonly parent: number;
  readonly bound: number;
  /** What decides which labels stay where not all do: the lower the better. */
  readonly rank: number;
  readonly lanes: Lanes;
};

type Options = {
  /** Whether labels of one set of boards are held against each other; else only the first of a key stays. */
  readonly compares: boolean;
  /** Whether it matters which of the boards is first. */
  readonly byFirstBoard: boolean;
  /** One label of a key is as good as any other: for the question whether there is a plan at all. */
  readonly keepsFirst: boolean;
};

const NONE = -1;
const FIRST_CAPACITY = 1 << 12;
/** Boards are in two masks of so many bits. */
const MASK_BITS = 30;

/**
 * The labels of a search, as columns of numbers. A label's key is the set of its boards, its start, and where that
 * matters its first board; `heads` and `next` chain the labels of a key.
 */
export class LabelStore {
  count = 0;
  lanes = new Float64Array(FIRST_CAPACITY * LANES);
  bound = new Float64Array(FIRST_CAPACITY);
  #rank = new Float64Array(FIRST_CAPACITY);
  start = new Int32Array(FIRST_CAPACITY);
  board = new Int32Array(FIRST_CAPACITY);
  parent = new Int32Array(FIRST_CAPACITY);
  #low = new Int32Array(FIRST_CAPACITY);
  #high = new Int32Array(FIRST_CAPACITY);
  #next = new Int32Array(FIRST_CAPACITY);
  #dead = new Uint8Array(FIRST_CAPACITY);
  readonly #options: Options;
  readonly #tables: SearchTables;
  readonly #dense: Int32Array | undefined;
  readonly #sparse = new Map<number, number>();
  #layer: number[] = [];

  constructor(tables: SearchTables, options: Options) {
    this.#tables = tables;
    this.#options = options;
    const { boards, blocks } = tables;
    if (!options.compares) return;
    this.#dense = new Int32Array(2 ** boards * (options.byFirstBoard ? boards : 1) * blocks).fill(NONE);
  }

  uses(label: number, board: number): boolean {
    const mask = board < MASK_BITS ? this.#low[label]! : this.#high[label]!;
    return ((mask >> (board % MASK_BITS)) & 1) === 1;
  }

  /** Of the label that `board` in front of `parent` would make. */
  keyOf(parent: number, board: number, start: number): number {
    const { boards, blocks } = this.#tables;
    let low = parent < 0 ? 0 : this.#low[parent]!;
    let high = parent < 0 ? 0 : this.#high[parent]!;
    if (board < MASK_BITS) low |= 1 << board;
    else high |= 1 << (board - MASK_BITS);
    const first = this.#options.byFirstBoard ? board : 0;
    if (this.#options.compares) return (low * (this.#options.byFirstBoard ? boards : 1) + first) * blocks + start;
    // Two sets of one key cost a candidate, not correctness: this is used only where not all labels are kept anyway.
    return (((low * 31 + high * 17 + first) % 2 ** 40) * blocks + start) % Number.MAX_SAFE_INTEGER;
  }

  /** Whether a label of this key is no worse in any lane. Labels that are worse in all are dropped on the way. */
  isDominated(key: number, lanes: Lanes): boolean {
    if (this.#options.keepsFirst) return this.#headOf(key) !== NONE;
    for (let at = this.#headOf(key); at !== NONE; at = this.#next[at]!) {
      if (this.#noWorse(at, lanes)) return true;
    }
    return false;
  }

  add(key: number, { board, start, parent, bound, rank, lanes }: NewLabel): void {
    this.#dropWorse(key, lanes);
    if (this.count === this.bound.length) this.#grow();
    const label = this.count++;
    this.lanes.set(lanes, label * LANES);
    this.bound[label] = bound;
    this.#rank[label] = rank;
    this.start[label] = start;
    this.board[label] = board;
    this.parent[label] = parent;
    this.#low[label] = (parent < 0 ? 0 : this.#low[parent]!) | (board < MASK_BITS ? 1 << board : 0);
    this.#high[label] = (parent < 0 ? 0 : this.#high[parent]!) | (board < MASK_BITS ? 0 : 1 << (board - MASK_BITS));
    this.#next[label] = this.#headOf(key);
    this.#setHead(key, label);
    this.#layer.push(label);
  }

  isDead(label: number): boolean {
    return this.#dead[label] === 1;
  }

  /** The labels added since the last call, the `width` with the lowest rank apart from the others. */
  takeLayer(width: number): { readonly kept: readonly number[]; readonly dropped: readonly number[] } {
    const alive = this.#layer.filter((label) => this.#dead[label] === 0);
    this.#layer = [];
    if (this.#dense === undefined) this.#sparse.clear();
    if (alive.length <= width) return { kept: alive, dropped: [] };
    alive.sort((a, b) => this.#rank[a]! - this.#rank[b]!);
    return { kept: alive.slice(0, width), dropped: alive.slice(width) };
  }

  #headOf(key: number): number {
    return this.#dense === undefined ? (this.#sparse.get(key) ?? NONE) : this.#dense[key]!;
  }

  #setHead(key: number, label: number): void {
    if (this.#dense === undefined) this.#sparse.set(key, label);
    else this.#dense[key] = label;
  }

  #noWorse(label: number, than: Lanes): boolean {
    const at = label * LANES;
    for (let lane = LANES - 1; lane >= 0; lane--) if (this.lanes[at + lane]! > than[lane]!) return false;
    return true;
  }

  #dropWorse(key: number, lanes: Lanes): void {
    let before = NONE;
    for (let at = this.#headOf(key); at !== NONE; at = this.#next[at]!) {
      if (this.#isWorse(at, lanes)) {
        this.#dead[at] = 1;
        if (before === NONE) this.#setHead(key, this.#next[at]!);
        else this.#next[before] = this.#next[at]!;
      } else before = at;
    }
  }

  #isWorse(label: number, than: Lanes): boolean {
    const at = label * LANES;
    for (let lane = LANES - 1; lane >= 0; lane--) if (this.lanes[at + lane]! < than[lane]!) return false;
    return true;
  }

  #grow(): void {
    const twice = <Column extends Float64Array | Int32Array | Uint8Array>(column: Column): Column => {
      const larger = new (column.constructor as new (length: number) => Column)(2 * column.length);
      larger.set(column);
      return larger;
    };
    this.lanes = twice(this.lanes);
    this.bound = twice(this.bound);
    this.#rank = twice(this.#rank);
    this.start = twice(this.start);
    this.board = twice(this.board);
    this.parent = twice(this.parent);
    this.#low = twice(this.#low);
    this.#high = twice(this.#high);
    this.#next = twice(this.#next);
    this.#dead = twice(this.#dead);
  }
}
