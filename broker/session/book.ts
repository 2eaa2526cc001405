import type { SessionKeys } from './agreement.ts';

/** Where a session stands among those of a link: later sender first, then its later offer. */
export interface SessionNumber {
  readonly incarnation: number;
  readonly number: number;
}

/** The keys of a session that is agreed and not over. */
export type FindSession = (session: SessionNumber) => SessionKeys | undefined;

export const noSessions: FindSession = () => undefined;

/** Frames of the session before may still be under way when the next one is agreed. */
const REMEMBERED = 2;

/** What a link's receiver has agreed with its senders; the latest two. */
export class SessionBook {
  readonly #sessions: (SessionNumber & { readonly keys: SessionKeys })[] = [];

  /** False where it is not later than all before: an offer is taken once. */
  add(session: SessionNumber, keys: SessionKeys): boolean {
    const last = this.#sessions.at(-1);
    if (last !== undefined && !isLater(session, last)) return false;
    this.#sessions.push({ ...session, keys });
    if (this.#sessions.length > REMEMBERED) this.#sessions.shift();
    return true;
  }

  readonly find: FindSession = ({ incarnation, number }) =>
    this.#sessions.find((one) => one.incarnation === incarnation && one.number === number)?.keys;

  /** The number of a sender's latest session; undefined where it has none. */
  latest(incarnation: number): number | undefined {
    return this.#sessions.findLast((one) => one.incarnation === incarnation)?.number;
  }
}

function isLater(a: SessionNumber, b: SessionNumber): boolean {
  return a.incarnation > b.incarnation || (a.incarnation === b.incarnation && a.number > b.number);
}
