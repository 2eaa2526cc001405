import type { Signer } from '../keyring/identity.ts';
import { createSessionPair, type SessionPair, type SessionPlace } from '../session/agreement.ts';
import { type FindSession, SessionBook } from '../session/book.ts';
import { tagOf } from '../session/tags.ts';
import type { SessionOffer } from './session-offers.ts';

/** The receiver's side of a link's sessions: one key pair for as long as it is open. */
export class SessionAnswers {
  readonly find: FindSession;
  readonly #place: Pick<SessionPlace, 'fleet' | 'from' | 'to' | 'run'>;
  readonly #pair: SessionPair = createSessionPair('receiver');
  readonly #book = new SessionBook();

  constructor(place: Pick<SessionPlace, 'fleet' | 'from' | 'to' | 'run'>) {
    this.#place = place;
    this.find = this.#book.find;
  }

  /** What the window names. */
  get publicKey(): string {
    return this.#pair.publicKey;
  }

  /** Takes what a sender signed; nothing changes where it goes with another key, or is no later than what was taken. */
  take({ incarnation, number, key, answers }: SessionOffer & { readonly incarnation: number }): void {
    if (answers !== this.publicKey) return;
    const keys = this.#pair.agree(key, { ...this.#place, incarnation, number });
    if (keys !== null) this.#book.add({ incarnation, number }, keys);
  }

  /** What proves statuses to the sender of this incarnation: its session, or a signature where there is none. */
  statusSigner({ id, sign }: Signer, incarnationOf: () => number): Signer {
    return {
      id,
      sign: (bytes) => {
        const incarnation = incarnationOf();
        const keys = this.find({ incarnation, number: this.#book.latest(incarnation) ?? 0 });
        return keys === undefined ? sign(bytes) : tagOf(keys.status, bytes);
      },
    };
  }

  /** What a status says to a sender: its latest session that is known here. */
  known(incarnation: number): { readonly session?: number } {
    const session = this.#book.latest(incarnation);
    return session === undefined ? {} : { session };
  }
}
