import { type BrokerError, ClosedError, LinkLostError, TensorTooLargeError } from '../errors.ts';
import type { DigestName } from '../frame/digest.ts';
import { sealHead } from '../frame/encode.ts';
import { chunkRange, chunksOf, type FrameHeader } from '../frame/header.ts';
import { type FrameKind, frameKinds, RAW_CODEC } from '../frame/kinds.ts';
import { CODEC_PARAMS_BYTES } from '../frame/layout.ts';
import type { Identity } from '../keyring/identity.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Log } from '../log.ts';
import type { RawChannel } from '../messages/channel.ts';
import { createMessenger } from '../messages/messenger.ts';
import type { LinkWindow } from '../messages/tables.ts';
import { formatTopic } from '../topics.ts';
import { nextTurn, waitFor } from '../wait.ts';
import { type CreditBook, createCreditBook, defaultCredits } from './credits.ts';
import { createLinkMeter, type LinkMeter, meteredChannel, statsOf } from './meter.ts';
import type { Credits, LinkSender, SenderOptions, TensorMeta } from './types.ts';

/** Frames handed to the socket before the first of them has to be out. */
const FRAMES_AHEAD = 2;

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
  readonly #topic: string;
  readonly #closing = new AbortController();
  /** By sequence, what the receiver has not given back. */
  readonly #underWay = new Map<number, FrameKind>();
  #book: CreditBook = createCreditBook(defaultCredits);
  #maxTensorBytes = 0;
  #term: number;
  #sequence = 0;
  /** Ends when the tensor that is being sent is out: chunks of two tensors must not mix. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: SenderOptions, needs: SenderNeeds) {
    this.#options = options;
    this.#needs = needs;
    this.from = needs.identity.id;
    this.to = options.to;
    this.#term = options.term;
    this.#channel = meteredChannel(needs.channel, this.#meter);
    this.#topic = formatTopic(needs.keyring.fleet, 'linkFrames', { from: this.from, to: this.to });
    this.ended = needs.channelEnded.then((error) => {
      const lost = error === undefined ? undefined : new LinkLostError(this.#name, error.message);
      this.#stop(lost ?? new ClosedError(`link ${this.#name}`));
      return lost;
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
    const { identity, keyring, log, timeoutMilliseconds } = this.#needs;
    const { run, signal } = this.#options;
    const link = { from: this.from, to: this.to };
    const messenger = createMessenger({ channel: this.#channel, identity, keyring, log });
    const either = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    await messenger.subscribe(
      'linkCredits',
      link,
      ({ message }) => {
        if (message.run === run && message.incarnation === this.#needs.incarnation) this.#free(message.sequence);
      },
      either,
    );
    const opened = Promise.withResolvers<void>();
    await messenger.subscribe(
      'linkWindow',
      link,
      ({ message }) => {
        // The window of an earlier term may still lie there: its end takes nothing of this one.
        if (message.run !== run || message.term !== this.#options.term || this.#maxTensorBytes > 0) return;
        this.#agree(message);
        opened.resolve();
      },
      either,
    );
    await waitFor(opened.promise, {
      what: `waiting for ${this.to} to open its end of link ${this.#name} for run ${run}`,
      milliseconds: timeoutMilliseconds,
      signal: either,
    });
  }

  #agree({ credits, maxTensorBytes }: LinkWindow): void {
    const agreed = Object.keys(frameKinds).map((kind) => {
      const said = credits[kind];
      return [kind, Number.isSafeInteger(said) && (said as number) >= 0 ? said : 0];
    });
    this.#book = createCreditBook(Object.fromEntries(agreed) as Credits);
    this.#maxTensorBytes = maxTensorBytes;
  }

  #free(sequence: number): void {
    const kind = this.#underWay.get(sequence);
    if (kind === undefined) return;
    this.#underWay.delete(sequence);
    this.#book.giveBack(kind);
  }

  async send(meta: TensorMeta, payload: Uint8Array | Float32Array, signal?: AbortSignal): Promise<void> {
    const bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    if (bytes.length > this.#maxTensorBytes) {
      throw new TensorTooLargeError(this.#name, bytes.length, this.#maxTensorBytes);
    }
    const begun = performance.now();
    await this.#book.take(meta.kind, signal);
    this.#meter.creditWaitSeconds += (performance.now() - begun) / 1000;
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    try {
      await this.#sendTensor(meta, bytes, signal);
    } finally {
      resolve();
    }
  }

  /** Sends the chunks one turn each. A tensor of which a chunk was never sent is not under way: its credit comes back. */
  async #sendTensor(meta: TensorMeta, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const sequence = this.#sequence++;
    const either = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    this.#underWay.set(sequence, meta.kind);
    const chunks = chunksOf(bytes.length);
    const flushing: Promise<void>[] = [];
    let sent = 0;
    try {
      for (let chunk = 0; chunk < chunks; chunk += 1) {
        either.throwIfAborted();
        const parts = this.#frameOf(meta, bytes, sequence, chunk);
        const flushed = this.#channel.publishRaw(this.#topic, parts, { qos: 0, retain: false }, either);
        // Awaited below; until then a rejection must not count as unhandled.
        flushed.catch(() => {});
        flushing.push(flushed);
        sent += 1;
        this.#meter.frames += 1;
        if (flushing.length > FRAMES_AHEAD) await flushing.shift();
        if (chunk + 1 < chunks) await nextTurn();
      }
      await Promise.all(flushing);
      this.#meter.tensors += 1;
    } catch (error) {
      if (sent < chunks) this.#free(sequence);
      throw this.#lossOf(error);
    }
  }

  /** A broken connection reads the same wherever it was noticed. */
  #lossOf(error: unknown): unknown {
    if (this.#closing.signal.aborted) return this.#closing.signal.reason;
    return error instanceof ClosedError ? new LinkLostError(this.#name, error.message) : error;
  }

  /** Head and payload of one frame; the payload lies where it lay. */
  #frameOf(meta: TensorMeta, bytes: Uint8Array, sequence: number, chunk: number): readonly Uint8Array[] {
    const { start, end } = chunkRange(bytes.length, chunk);
    const payload = bytes.subarray(start, end);
    const header = this.#headerOf(meta, bytes.length, sequence, chunk, payload.length);
    return [sealHead(payload, header, this.#needs.identity, this.#meter.seconds), payload];
  }

  #headerOf(meta: TensorMeta, totalBytes: number, sequence: number, chunk: number, payloadBytes: number): FrameHeader {
    const { digest, incarnation, keyring } = this.#needs;
    return {
      ...meta,
      name: meta.name ?? '',
      codec: meta.codec ?? RAW,
      digest,
      incarnation,
      sequence,
      term: this.#term,
      chunk,
      chunks: chunksOf(totalBytes),
      payloadBytes,
      totalBytes,
      fleet: keyring.fleet,
      from: this.from,
      to: this.to,
      run: this.#options.run,
    };
  }

  #stop(reason: BrokerError): void {
    if (!this.#closing.signal.aborted) this.#closing.abort(reason);
    this.#book.close(reason);
  }

  async close(): Promise<void> {
    this.#stop(new ClosedError(`link ${this.#name}`));
    await this.#needs.closeChannel();
  }
}
