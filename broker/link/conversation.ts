import type { DigestName } from '../frame/digest.ts';
import { type FrameProof, signing } from '../frame/proof.ts';
import type { Identity } from '../keyring/identity.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Log } from '../log.ts';
import type { RawChannel } from '../messages/channel.ts';
import { createMessenger, type Messenger } from '../messages/messenger.ts';
import type { LinkProbe, LinkStatus, LinkWindow } from '../messages/tables.ts';
import { SessionOffers } from './session-offers.ts';

export interface ConversationNeeds {
  readonly from: string;
  readonly to: string;
  readonly run: string;
  readonly term: number;
  readonly incarnation: number;
  readonly channel: RawChannel;
  readonly identity: Identity;
  readonly keyring: Keyring;
  /** Of frames that are signed. */
  readonly digest: DigestName;
  /** Whether frames are tagged with the keys of a session, where the receiver takes that. */
  readonly offersTags: boolean;
  readonly log: Log;
  /** Ends what is still being said. */
  readonly signal: AbortSignal;
}

/** The messages of a link's sender: windows and statuses that it hears, probes and keys that it sends. */
export class Conversation {
  readonly #needs: ConversationNeeds;
  readonly #messenger: Messenger;
  readonly #statuses: Messenger;
  readonly #sessions: SessionOffers;
  readonly #terms: Set<number>;
  /** The receiver's window, whatever its term. */
  #latest: LinkWindow | undefined;
  #onWindow: (window: LinkWindow) => void = () => {};

  constructor(needs: ConversationNeeds) {
    const { from, to, run, incarnation, channel, identity, keyring, digest, log } = needs;
    this.#needs = needs;
    this.#terms = new Set([needs.term]);
    this.#messenger = createMessenger({ channel, identity, keyring, log });
    this.#sessions = new SessionOffers({
      place: { fleet: keyring.fleet, from, to, run, incarnation },
      signing: signing(identity, digest),
      publish: (offer) => this.#tell({ kind: 'session', run, incarnation, ...offer }),
    });
    const believed = this.#sessions.statusVerifier(keyring);
    this.#statuses = createMessenger({ channel, identity, keyring: believed, log });
  }

  /** What the next frame is proven by. */
  get proof(): FrameProof {
    return this.#sessions.proof;
  }

  /** Hears the statuses that are for this sender. */
  async hearStatuses(onStatus: (status: LinkStatus) => void, signal: AbortSignal): Promise<void> {
    const { run, incarnation } = this.#needs;
    const hear = ({ message }: { readonly message: LinkStatus }): void => {
      if (message.run !== run || message.incarnation !== incarnation) return;
      this.#sessions.hear(message.session);
      onStatus(message);
    };
    await this.#statuses.subscribe('linkStatus', this.#link, hear, signal);
  }

  /**
   * Hears the windows of this run and of the terms that were joined: that of an earlier one may still lie there, and takes
   * nothing of this one; that of a later one is heard when its term is joined.
   */
  async hearWindows(onWindow: (window: LinkWindow) => void, signal: AbortSignal): Promise<void> {
    const { run } = this.#needs;
    this.#onWindow = onWindow;
    const hear = ({ message }: { readonly message: LinkWindow }): void => {
      if (message.run !== run) return;
      this.#latest = message;
      this.#hearLatest();
    };
    await this.#messenger.subscribe('linkWindow', this.#link, hear, signal);
  }

  /** Windows of this term are heard too. */
  join(term: number): void {
    this.#terms.add(term);
    this.#hearLatest();
  }

  #hearLatest(): void {
    const window = this.#latest;
    if (window === undefined || !this.#terms.has(window.term)) return;
    // A receiver that follows another has another key.
    if (window.key !== undefined && this.#needs.offersTags) this.#sessions.answer(window.key);
    this.#onWindow(window);
  }

  /** Asks what the receiver has. */
  probe(number: number, underWay: readonly number[]): void {
    const { run, incarnation } = this.#needs;
    this.#tell({ kind: 'probe', run, incarnation, number, underWay });
  }

  /** The connection is another: what was said last may have been lost. */
  returned(): void {
    this.#sessions.repeat();
  }

  get #link() {
    return { from: this.#needs.from, to: this.#needs.to };
  }

  #tell(message: LinkProbe): void {
    const { log, signal } = this.#needs;
    this.#messenger.publish('linkProbe', this.#link, message, signal).catch((error: Error) => {
      log({ level: 'info', event: `${message.kind}-not-sent`, detail: { ...this.#link, error: error.message } });
    });
  }
}
