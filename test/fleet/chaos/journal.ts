import { alignRows } from '../../../cli/train/closing-table.ts';
import { timeOfDay } from '../../../cli/watching/cells.ts';

/** What has happened in a long test, for whoever follows it in a log, and what it came to: also where it fails. */
export class Journal {
  readonly #of: number | undefined;
  readonly #now: () => number;
  readonly #begun: number;
  /** Seconds until the next step, by kind of fault. */
  readonly #survived = new Map<string, number[]>();
  #underWay: { readonly what: string; readonly since: number } | undefined;

  /** @param of how many faults there will be, where that is known; @param now milliseconds */
  constructor(of?: number, now: () => number = () => performance.now()) {
    this.#of = of;
    this.#now = now;
    this.#begun = now();
  }

  get count(): number {
    return [...this.#survived.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** @param what a fault, or a run. @returns a line about it */
  begins(what: string): string {
    this.#underWay = { what, since: this.#now() };
    return this.#line(`${what} …`);
  }

  /** @returns a line about it */
  survived(fault: string, seconds: number, run: number): string {
    this.#underWay = undefined;
    this.#survived.set(fault, [...(this.#survived.get(fault) ?? []), seconds]);
    const of = this.#of === undefined ? '' : `/${this.#of}`;
    return this.#line(`${fault}: ${seconds.toFixed(1)} s to the next step. ${this.count}${of}, run ${run + 1}`);
  }

  /** By kind: how many, and the seconds until the next step. */
  summary(): readonly string[] {
    const rows = [...this.#survived].sort(([a], [b]) => a.localeCompare(b)).map(([fault, all]) => rowOf(fault, all));
    const all = [...this.#survived.values()].flat();
    const table = alignRows([['fault', 'count', 'median s', 'slowest s'], ...rows, rowOf('all', all)]);
    const underWay =
      this.#underWay && `under way: ${this.#underWay.what}, for ${this.#seconds(this.#underWay.since)} s`;
    return [...table, `${this.#seconds(this.#begun)} s in all`, ...(underWay === undefined ? [] : [underWay])];
  }

  #line(words: string): string {
    return `${timeOfDay(Date.now())}  ${this.#seconds(this.#begun)} s  ${words}`;
  }

  #seconds(since: number): string {
    return ((this.#now() - since) / 1000).toFixed(0);
  }
}

function rowOf(fault: string, all: readonly number[]): readonly string[] {
  const sorted = all.toSorted((a, b) => a - b);
  const [median, slowest] = [sorted[sorted.length >> 1], sorted.at(-1)];
  return [fault, `${all.length}`, median?.toFixed(1) ?? '–', slowest?.toFixed(1) ?? '–'];
}
