import type { LinkReceiver, LinkSender, ReceivedTensor } from '../../broker/index.ts';
import { isSender } from './traffic.ts';

export type LinkEnd = LinkSender | LinkReceiver;

/** The ends of links that a board's part in a plan has to close. */
export class LinkEnds {
  #ends: readonly LinkEnd[] = [];
  readonly #opening = new Set<Promise<void>>();

  /** One that is being opened. */
  async add<End extends LinkEnd>(opening: Promise<End>): Promise<End> {
    const added = opening.then((end) => {
      this.#ends = [...this.#ends, end];
    });
    this.#opening.add(added);
    try {
      await added;
      return await opening;
    } finally {
      this.#opening.delete(added);
    }
  }

  /** Somebody else closes them from now on. */
  giveAway(): readonly LinkEnd[] {
    const ends = this.#ends;
    this.#ends = [];
    return ends;
  }

  /** Those of another part are its own now, but for what it has no use for: that is closed. */
  async takeOver(ends: readonly LinkEnd[], used: readonly LinkEnd[]): Promise<void> {
    this.#ends = [...this.#ends, ...ends];
    await this.close(ends.filter((end) => !used.includes(end)));
  }

  /** Those, or all: also what is being opened, whose owner has aborted that. */
  async close(ends?: readonly LinkEnd[]): Promise<void> {
    if (ends === undefined) await Promise.allSettled(this.#opening);
    const closed = ends ?? this.#ends;
    this.#ends = this.#ends.filter((end) => !closed.includes(end));
    // A sender takes its leave, which somebody who stands still does not answer: the next run need not wait for it. Its
    // receivers it does wait for, as they say where the next one is to begin.
    for (const end of closed) if (isSender(end)) end.close().catch(() => {});
    await Promise.allSettled(closed.filter((end) => !isSender(end)).map((end) => end.close()));
  }
}

/** Where tensors go that arrive for one plan or the next: a link carries those of both for a while. */
export class Arrivals {
  readonly #takers = new Map<number, (tensor: ReceivedTensor) => void>();

  expect(term: number, take: (tensor: ReceivedTensor) => void): void {
    this.#takers.set(term, take);
  }

  forget(term: number): void {
    this.#takers.delete(term);
  }

  take(tensor: ReceivedTensor): void {
    const take = this.#takers.get(tensor.meta.term);
    if (take === undefined) tensor.release();
    else take(tensor);
  }
}
