import { type FrameProof, tagging } from '../frame/proof.ts';
import type { Verifier } from '../keyring/keyring.ts';
import { createSessionPair, type SessionKeys, type SessionPlace } from '../session/agreement.ts';
import { sameBytes, TAG_BYTES, tagOf } from '../session/tags.ts';

/** What a sender tells its receiver of its part of a session. */
export interface SessionOffer {
  readonly number: number;
  /** The sender's public key, and the receiver's that it goes with. */
  readonly key: string;
  readonly answers: string;
}

export interface SessionOffersNeeds {
  readonly place: Omit<SessionPlace, 'number'>;
  /** What frames are proven by where there is no session. */
  readonly signing: FrameProof;
  readonly publish: (offer: SessionOffer) => void;
}

/** The sender's side of a link's sessions: every frame is signed until the receiver says that it knows the session. */
export class SessionOffers {
  readonly #needs: SessionOffersNeeds;
  #offer: SessionOffer | undefined;
  #keys: SessionKeys | undefined;
  #tagging: FrameProof | undefined;
  #isKnown = false;

  constructor(needs: SessionOffersNeeds) {
    this.#needs = needs;
  }

  /** What the next frame is proven by. */
  get proof(): FrameProof {
    return this.#isKnown && this.#tagging !== undefined ? this.#tagging : this.#needs.signing;
  }

  /** The receiver's window names a key: a session for it is offered, with a new key pair. */
  answer(receiverKey: string): void {
    if (receiverKey === this.#offer?.answers) return;
    const number = (this.#offer?.number ?? 0) + 1;
    const pair = createSessionPair('sender');
    const keys = pair.agree(receiverKey, { ...this.#needs.place, number });
    if (keys === null) return;
    this.#offer = { number, key: pair.publicKey, answers: receiverKey };
    this.#keys = keys;
    this.#tagging = tagging(keys, number);
    this.#isKnown = false;
    this.#needs.publish(this.#offer);
  }

  /** What statuses are believed by: the session's tag, or a signature as of any message. */
  statusVerifier({ fleet, hub, problemOf, verify }: Verifier): Verifier {
    const tagProblem = (id: string, bytes: Uint8Array, tag: Uint8Array): ReturnType<Verifier['verify']> => {
      const holds = this.#keys !== undefined && sameBytes(tagOf(this.#keys.status, bytes), tag);
      return problemOf(id) ?? (holds ? null : 'bad-signature');
    };
    return {
      fleet,
      hub,
      problemOf,
      verify: (id, bytes, proof) => (proof.length === TAG_BYTES ? tagProblem : verify)(id, bytes, proof),
    };
  }

  /** The number of the session that the receiver knows. */
  hear(known: number | undefined): void {
    this.#isKnown = known !== undefined && known === this.#offer?.number;
  }

  /** The offer may have been lost. */
  repeat(): void {
    if (this.#offer !== undefined && !this.#isKnown) this.#needs.publish(this.#offer);
  }
}
