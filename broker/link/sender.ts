import { type BrokerError, ClosedError, LinkLostError, TensorTooLargeError } from '../errors.ts';
import type { DigestName } from '../frame/digest.ts';
import { sealHead } from '../frame/encode.ts';
import { chunkRange, type FrameHeader } from '../frame/header.ts';
import { frameKinds, RAW_CODEC } from '../frame/kinds.ts';
import { CODEC_PARAMS_BYTES } from '../frame/layout.ts';
import type { Identity } from '../keyring/identity.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Log } from '../log.ts';
import type { RawChannel } from '../messages/channel.ts';
import { createMessenger, type Messenger } from '../messages/messenger.ts';
import type { LinkStatus, LinkWindow } from '../messages/tables.ts';
import { formatTopic } from '../topics.ts';
import { nextTurn, waitFor } from '../wait.ts';
import { type CreditBook, createCreditBook, defaultCredits } from './credits.ts';
import { createLinkMeter, type LinkMeter, meteredChannel, statsOf } from './meter.ts';
import { Outbox, type Outgoing, type ProbePicture } from './outbox.ts';
import type { Credits, LinkSender, SenderOptions, TensorMeta } from './types.ts';

/** Frames handed to the socket before the first of them has to be out: what a more urgent tensor may have to wait for. */
const FRAMES_AHEAD = 2;
/** Bytes that are signed and handed over before timers and sockets have their turn. */
const BYTES_A_TURN = 512 * 1024;
const DEFAULT_PATIENCE_MILLISECONDS = 30_000;
/** A receiver that said nothing for so long is asked. */
const QUIET_MILLISECONDS = 5_000;

const RAW = { id: RAW_CODEC, params: new Uint8Array(CODEC_PARAMS_BYTES) } as const;

export interface SenderNeeds {
  /** The channel that the receiver listens on: a connection to its broker. */
  readonly channel: RawChannel;
  /** Resolves when that channel is gone for good. */
  readonly channelEnded: Promise<Error | undefined>;
  readonly closeChannel: () => Promise<void>;
  readonly identity: Identity;
  readonly keyring: Keyring;
  readonly digest: DigestName;
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
  readonly #messenger: Messenger;
  readonly #topic: string;
  readonly #closing = new AbortController();
  readonly #outbox = new Outbox();
  /** Who waits for a tensor to arrive. */
  readonly #senders = new Map<Outgoing, PromiseWithResolvers<void>>();
  readonly #end: PromiseWithResolvers<Error | undefined>;
  #book: CreditBook = createCreditBook(defaultCredits);
  #maxTensorBytes = 0;
  #term: number;
  #isPumping = false;
  /** Whether frames may be sent: connected, and after a return the receiver has said what it has. */
  #isReady = false;
  #probe: ProbePicture | undefined;
  #probeNumber = 0;
  #refusedSeen = 0;
  #heardAt = 0;
  #quiet: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(options: SenderOptions, needs: SenderNeeds) {
    const { identity, keyring, log } = needs;
    this.#options = options;
    this.#needs = needs;
    this.from = identity.id;
    this.to = options.to;
    this.#term = options.term;
    this.#channel = meteredChannel(needs.channel, this.#meter);
    this.#messenger = createMessenger({ channel: this.#channel, identity, keyring, log });
    this.#topic = formatTopic(keyring.fleet, 'linkFrames', { from: this.from, to: this.to });
    this.#end = Promise.withResolvers();
    this.ended = this.#end.promise;
    needs.channelEnded.then((error) => this.#stop(error === undefined ? undefined : error.message));
  }

  get #name(): string {
    return `${this.from} → ${this.to}`;
  }

  get #link() {
    return { from: this.from, to: this.to };
  }

  get #patienceMilliseconds(): number {
    return this.#options.patienceMilliseconds ?? DEFAULT_PATIENCE_MILLISECONDS;
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
    const hear = ({ message }: { readonly message: LinkStatus }): void => {
      if (message.run === run && message.incarnation === this.#needs.incarnation) this.#hear(message);
    };
    await this.#messenger.subscribe('linkStatus', this.#link, hear, either);
    const opened = Promise.withResolvers<void>();
    const agree = ({ message }: { readonly message: LinkWindow }): void => {
      // The window of an earlier term may still lie there: its end takes nothing of this one.
      if (message.run !== run || message.term !== this.#options.term || this.#maxTensorBytes > 0) return;
      this.#agree(message);
      opened.resolve();
    };
    await this.#messenger.subscribe('linkWindow', this.#link, agree, either);
    await waitFor(opened.promise, {
      what: `waiting for ${this.to} to open its end of link ${this.#name} for run ${run}`,
      milliseconds: this.#needs.timeoutMilliseconds,
      signal: either,
    });
    this.#isReady = true;
    this.#channel.onConnectionChange?.((connected) => (connected ? this.#returned() : this.#lost()));
    this.#heardAt = performance.now();
    this.#quiet = setInterval(() => this.#askIfQuiet(), QUIET_MILLISECONDS).unref();
  }

  #agree({ credits, maxTensorBytes }: LinkWindow): void {
    const agreed = Object.keys(frameKinds).map((kind) => {
      const said = credits[kind];
      return [kind, Number.isSafeInteger(said) && (said as number) >= 0 ? said : 0];
    });
    this.#book = createCreditBook(Object.fromEntries(agreed) as Credits);
    this.#maxTensorBytes = maxTensorBytes;
  }

  async send(meta: TensorMeta, payload: Uint8Array | Float32Array, signal?: AbortSignal): Promise<void> {
    const bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    if (bytes.length > this.#maxTensorBytes) {
      throw new TensorTooLargeError(this.#name, bytes.length, this.#maxTensorBytes);
    }
    const begun = performance.now();
    await this.#book.take(meta.kind, signal);
    this.#meter.creditWaitSeconds += (performance.now() - begun) / 1000;
    const tensor = this.#outbox.add(meta, bytes, this.#term);
    const arrived = Promise.withResolvers<void>();
    this.#senders.set(tensor, arrived);
    const giveUp = (): void => this.#giveUp(tensor, signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#pump();
    try {
      await arrived.promise;
      this.#meter.tensors += 1;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** Sends what is most urgent, chunk after chunk, until everything is out or the connection is gone. */
  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const flushing: Promise<void>[] = [];
    let bytesOfTurn = 0;
    try {
      for (;;) {
        const tensor = this.#isReady ? this.#outbox.next() : undefined;
        if (tensor === undefined) break;
        bytesOfTurn += this.#sendChunk(tensor, flushing);
        if (flushing.length > FRAMES_AHEAD) await flushing.shift();
        if (bytesOfTurn < BYTES_A_TURN) continue;
        bytesOfTurn = 0;
        await nextTurn();
      }
    } finally {
      this.#isPumping = false;
    }
  }

  /** @returns bytes handed over */
  #sendChunk(tensor: Outgoing, flushing: Promise<void>[]): number {
    let parts: readonly Uint8Array[];
    try {
      parts = this.#frameOf(tensor);
    } catch (error) {
      this.#drop(tensor, error);
      return 0;
    }
    const flushed = this.#channel.publishRaw(this.#topic, parts, { qos: 0, retain: false }, this.#closing.signal);
    // What a lost connection has taken with it is found out when it is back.
    flushing.push(flushed.catch(() => {}));
    this.#outbox.sent(tensor);
    this.#meter.frames += 1;
    return parts[1]!.length;
  }

  /** Head and payload of the next frame; the payload lies where it lay. */
  #frameOf(tensor: Outgoing): readonly Uint8Array[] {
    const { start, end } = chunkRange(tensor.bytes.length, tensor.chunk);
    const payload = tensor.bytes.subarray(start, end);
    return [
      sealHead(payload, this.#headerOf(tensor, payload.length), this.#needs.identity, this.#meter.seconds),
      payload,
    ];
  }

  #headerOf(tensor: Outgoing, payloadBytes: number): FrameHeader {
    const { digest, incarnation, keyring } = this.#needs;
    const { meta, bytes, term, chunk, chunks } = tensor;
    return {
      ...meta,
      name: meta.name ?? '',
      codec: meta.codec ?? RAW,
      digest,
      incarnation,
      sequence: this.#outbox.sequenceOf(tensor),
      term,
      chunk,
      chunks,
      payloadBytes,
      totalBytes: bytes.length,
      fleet: keyring.fleet,
      from: this.from,
      to: this.to,
      run: this.#options.run,
    };
  }

  /** Takes in what the receiver says it has. */
  #hear(status: LinkStatus): void {
    this.#heardAt = performance.now();
    const probe = this.#probe?.number === status.answers ? this.#probe : undefined;
    const { arrived, ended, resent, broken } = this.#outbox.settle(status, probe);
    for (const tensor of arrived) this.#settled(tensor)?.resolve();
    for (const { meta } of ended) this.#book.giveBack(meta.kind);
    this.#meter.resent += resent.length;
    if (broken !== undefined) {
      const { kind, step, microBatch } = broken.tensor.meta;
      const what = `${kind} of step ${step}, micro-batch ${microBatch}`;
      this.#stop(`${this.to} refused ${what} again and again, at last for '${broken.reason}'`);
      return;
    }
    if (probe !== undefined) {
      this.#probe = undefined;
      if (probe.isReturn) this.#ready();
    }
    if (status.refused > this.#refusedSeen) {
      this.#refusedSeen = status.refused;
      this.#ask(false);
    }
    this.#pump();
  }

  /** Asks the receiver what it has; a question that is still open is replaced. */
  #ask(isReturn: boolean): void {
    this.#probeNumber += 1;
    const number = this.#probeNumber;
    this.#probe = this.#outbox.picture(number, isReturn || (this.#probe?.isReturn ?? false));
    const { incarnation, log } = this.#needs;
    const underWay = this.#outbox.underWay();
    const probe = { kind: 'probe', run: this.#options.run, incarnation, number, underWay } as const;
    this.#messenger.publish('linkProbe', this.#link, probe, this.#closing.signal).catch((error: Error) => {
      log({ level: 'info', event: 'probe-not-sent', detail: { ...this.#link, error: error.message } });
    });
  }

  #askIfQuiet(): void {
    const silent = performance.now() - this.#heardAt;
    if (this.#outbox.size === 0) this.#heardAt = performance.now();
    else if (silent > this.#patienceMilliseconds) this.#stop(`${this.to} said nothing for ${Math.round(silent)} ms`);
    else if (silent >= QUIET_MILLISECONDS && this.#isReady) this.#ask(false);
  }

  #lost(): void {
    this.#isReady = false;
    const milliseconds = this.#patienceMilliseconds;
    this.#patience ??= setTimeout(
      () => this.#stop(`its connection was gone for ${milliseconds} ms`),
      milliseconds,
    ).unref();
  }

  #returned(): void {
    this.#meter.reconnects += 1;
    this.#ask(true);
  }

  #ready(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#isReady = true;
  }

  /** The owner of a tensor no longer wants it sent. */
  #giveUp(tensor: Outgoing, reason: unknown): void {
    if (tensor.sequence === undefined) {
      this.#drop(tensor, reason);
      return;
    }
    this.#settled(tensor)?.reject(reason);
    tensor.isGivenUp = true;
    if (tensor.chunk < tensor.chunks) this.#ask(false);
  }

  /** A tensor of which the receiver has seen nothing: its credit is free. */
  #drop(tensor: Outgoing, reason: unknown): void {
    this.#outbox.delete(tensor);
    this.#settled(tensor)?.reject(reason);
    this.#book.giveBack(tensor.meta.kind);
  }

  #settled(tensor: Outgoing): PromiseWithResolvers<void> | undefined {
    const waiting = this.#senders.get(tensor);
    this.#senders.delete(tensor);
    return waiting;
  }

  /** Ends the link: with a reason where it is lost. */
  #stop(lost: string | undefined): void {
    if (this.#closing.signal.aborted) return;
    const error: BrokerError =
      lost === undefined ? new ClosedError(`link ${this.#name}`) : new LinkLostError(this.#name, lost);
    this.#closing.abort(error);
    this.#isReady = false;
    clearInterval(this.#quiet);
    clearTimeout(this.#patience);
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
