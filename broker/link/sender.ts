import { type BrokerError, ClosedError, LinkLostError, TensorTooLargeError } from '../errors.ts';
import { FewMap } from '../few.ts';
import type { DigestName } from '../frame/digest.ts';
import type { Identity } from '../keyring/identity.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Log } from '../log.ts';
import type { RawChannel } from '../messages/channel.ts';
import type { LinkStatus, LinkWindow } from '../messages/tables.ts';
import { formatTopic } from '../topics.ts';
import { waitFor } from '../wait.ts';
import { Conversation } from './conversation.ts';
import { type CreditBook, createCreditBook, windowFrom, windowOf } from './credits.ts';
import { createFrameWriter } from './frame-writer.ts';
import { Inquiry } from './inquiry.ts';
import { createLinkMeter, type LinkMeter, meteredChannel, statsOf } from './meter.ts';
import { Outbox, type Outgoing } from './outbox.ts';
import { Pump } from './pump.ts';
import type { LinkSender, SenderOptions, TensorMeta, Window } from './types.ts';

const DEFAULT_PATIENCE_MILLISECONDS = 30_000;

export interface SenderNeeds {
  /** The channel that the receiver listens on: a connection to its broker. */
  readonly channel: RawChannel;
  /** Resolves when that channel is gone for good. */
  readonly channelEnded: Promise<Error | undefined>;
  readonly closeChannel: () => Promise<void>;
  readonly identity: Identity;
  readonly keyring: Keyring;
  /** Of frames that are signed. */
  readonly digest: DigestName;
  /** Whether frames are tagged with the keys of a session, where the receiver takes that. */
  readonly offersTags: boolean;
  /** Larger than that of any earlier sender of this link. */
  readonly incarnation: number;
  readonly timeoutMilliseconds: number;
  readonly log: Log;
}

/** Opens the sending end of `own id → to` and waits until the receiver has told its window. */
export async function openSender(options: SenderOptions, needs: SenderNeeds): Promise<LinkSender> {
  const sender = new Sender(options, needs);
  try {
    await sender.start();
  } catch (error) {
    await sender.close();
    throw error;
  }
  return sender;
}

class Sender implements LinkSender {
  readonly from: string;
  readonly to: string;
  readonly ended: Promise<Error | undefined>;

  readonly #options: SenderOptions;
  readonly #needs: SenderNeeds;
  readonly #meter: LinkMeter = createLinkMeter();
  readonly #channel: RawChannel;
  readonly #conversation: Conversation;
  readonly #closing = new AbortController();
  readonly #outbox = new Outbox();
  readonly #pump: Pump;
  /** Who waits for a tensor to arrive. */
  readonly #senders = new FewMap<Outgoing, PromiseWithResolvers<void>>();
  readonly #end: PromiseWithResolvers<Error | undefined>;
  #book: CreditBook = createCreditBook(windowOf(0));
  #window: Window | undefined;
  #maxTensorBytes = 0;
  /** Resolved for the terms whose windows were heard. */
  readonly #agreements = new Map<number, PromiseWithResolvers<void>>();
  #term: number;
  /** Since when tensors are on their way; while there are any. */
  #busySince = 0;
  /** From when the receiver's window is known. */
  #inquiry: Inquiry | undefined;

  constructor(options: SenderOptions, needs: SenderNeeds) {
    const { run, term, to } = options;
    this.#options = options;
    this.#needs = needs;
    this.from = needs.identity.id;
    this.to = to;
    this.#term = term;
    this.#channel = meteredChannel(needs.channel, this.#meter);
    const { signal } = this.#closing;
    const place = { from: this.from, to, run };
    this.#conversation = new Conversation({ ...needs, ...place, term, channel: this.#channel, signal });
    this.#pump = this.#createPump(place);
    this.#end = Promise.withResolvers();
    this.ended = this.#end.promise;
    needs.channelEnded.then((error) => this.#stop(error === undefined ? undefined : error.message));
  }

  #createPump(place: { readonly from: string; readonly to: string; readonly run: string }): Pump {
    const { incarnation, keyring } = this.#needs;
    const { fleet } = keyring;
    const proof = () => {
      const chosen = this.#conversation.proof;
      if (chosen.digest === 'poly1305') this.#meter.tagged += 1;
      return chosen;
    };
    return new Pump({
      outbox: this.#outbox,
      channel: this.#channel,
      topic: formatTopic(fleet, 'linkFrames', place),
      writeFrame: createFrameWriter({ ...place, fleet, incarnation, proof, meter: this.#meter.seconds }),
      meter: this.#meter,
      isReady: () => (this.#inquiry?.isSettled ?? false) && !this.#closing.signal.aborted,
      onInvalid: (tensor, error) => this.#drop(tensor, error),
      signal: this.#closing.signal,
    });
  }

  get #name(): string {
    return `${this.from} → ${this.to}`;
  }

  get stats() {
    return statsOf(this.#meter);
  }

  setTerm(term: number): void {
    this.#term = term;
  }

  async start(): Promise<void> {
    const { run, signal } = this.#options;
    const either = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    await this.#conversation.hearStatuses((status) => this.#hear(status), either);
    await this.#conversation.hearWindows((window) => this.#agree(window), either);
    await waitFor(this.#agreedOn(this.#term), {
      what: `waiting for ${this.to} to open its end of link ${this.#name} for run ${run}`,
      milliseconds: this.#needs.timeoutMilliseconds,
      signal: either,
    });
    const inquiry = new Inquiry({
      outbox: this.#outbox,
      patienceMilliseconds: this.#options.patienceMilliseconds ?? DEFAULT_PATIENCE_MILLISECONDS,
      publish: (number, underWay) => this.#conversation.probe(number, underWay),
      giveUp: (reason) => this.#stop(reason),
    });
    this.#inquiry = inquiry;
    this.#channel.onConnectionChange?.((connected) => {
      if (this.#closing.signal.aborted) return;
      if (!connected) {
        inquiry.lost();
        return;
      }
      this.#meter.reconnects += 1;
      this.#conversation.returned();
      inquiry.returned();
    });
  }

  async join(term: number, signal?: AbortSignal): Promise<void> {
    const { signal: closing } = this.#closing;
    this.#conversation.join(term);
    await waitFor(this.#agreedOn(term), {
      what: `waiting for ${this.to} to go on with link ${this.#name} in term ${term}`,
      milliseconds: this.#needs.timeoutMilliseconds,
      signal: signal === undefined ? closing : AbortSignal.any([signal, closing]),
    });
  }

  /** The first window is what may be under way; one of a later term may only allow more. */
  #agree(message: LinkWindow): void {
    const window = windowFrom(message);
    if (this.#window === undefined) this.#book = createCreditBook(window);
    else this.#book.grow(this.#window, window);
    this.#window = window;
    this.#maxTensorBytes = message.maxTensorBytes;
    this.#agreement(message.term).resolve();
  }

  #agreedOn(term: number): Promise<void> {
    return this.#agreement(term).promise;
  }

  #agreement(term: number): PromiseWithResolvers<void> {
    const agreement = this.#agreements.get(term) ?? Promise.withResolvers<void>();
    this.#agreements.set(term, agreement);
    return agreement;
  }

  async send(meta: TensorMeta, payload: Uint8Array | Float32Array, signal?: AbortSignal): Promise<void> {
    const bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    if (bytes.length > this.#maxTensorBytes) {
      throw new TensorTooLargeError(this.#name, bytes.length, this.#maxTensorBytes);
    }
    const begun = performance.now();
    await this.#book.take(meta.kind, bytes.length, signal);
    this.#meter.creditWaitSeconds += (performance.now() - begun) / 1000;
    const tensor = this.#outbox.add(meta, bytes, this.#term);
    const arrived = Promise.withResolvers<void>();
    if (this.#senders.size === 0) this.#busySince = performance.now();
    this.#senders.set(tensor, arrived);
    const giveUp = (): void => this.#giveUp(tensor, signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#pump.run();
    try {
      await arrived.promise;
      this.#meter.tensors += 1;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** Takes in what the receiver says it has. */
  #hear(status: LinkStatus): void {
    if (this.#inquiry === undefined) return;
    const { arrived, ended, resent, broken } = this.#inquiry.hear(status);
    for (const tensor of arrived) this.#settled(tensor)?.resolve();
    for (const { meta, bytes } of ended) this.#book.giveBack(meta.kind, bytes.length);
    this.#meter.resent += resent.length;
    if (broken !== undefined) {
      const { kind, step, microBatch } = broken.tensor.meta;
      const what = `${kind} of step ${step}, micro-batch ${microBatch}`;
      this.#stop(`${this.to} refused ${what} again and again, at last for '${broken.reason}'`);
      return;
    }
    this.#pump.run();
  }

  /** The owner of a tensor no longer wants it sent. */
  #giveUp(tensor: Outgoing, reason: unknown): void {
    if (tensor.sequence === undefined) {
      this.#drop(tensor, reason);
      return;
    }
    this.#settled(tensor)?.reject(reason);
    tensor.isGivenUp = true;
    if (tensor.chunk < tensor.chunks) this.#inquiry?.ask();
  }

  /** A tensor of which the receiver has seen nothing: its credit is free. */
  #drop(tensor: Outgoing, reason: unknown): void {
    this.#outbox.delete(tensor);
    this.#settled(tensor)?.reject(reason);
    this.#book.giveBack(tensor.meta.kind, tensor.bytes.length);
  }

  #settled(tensor: Outgoing): PromiseWithResolvers<void> | undefined {
    const waiting = this.#senders.get(tensor);
    if (this.#senders.delete(tensor) && this.#senders.size === 0) {
      this.#meter.busySeconds += (performance.now() - this.#busySince) / 1000;
    }
    return waiting;
  }

  /** Ends the link: with a reason where it is lost. */
  #stop(lost: string | undefined): void {
    if (this.#closing.signal.aborted) return;
    const error: BrokerError =
      lost === undefined ? new ClosedError(`link ${this.#name}`) : new LinkLostError(this.#name, lost);
    this.#closing.abort(error);
    this.#inquiry?.close();
    this.#book.close(error);
    for (const { reject } of this.#senders.values()) reject(error);
    this.#senders.clear();
    this.#end.resolve(lost === undefined ? undefined : error);
    void this.#needs.closeChannel();
  }

  async close(): Promise<void> {
    this.#stop(undefined);
    await this.#needs.closeChannel();
  }
}
