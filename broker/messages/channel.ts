import type { Position } from './envelope.ts';

/** A payload as it arrived; `retained` where the broker had kept it. */
export interface RawMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retained: boolean;
}

/**
 * What is published: bytes; parts that follow each other, which are not copied where a socket takes them (they must not
 * change until the publishing has resolved); or a function that is asked when the bytes are on their way, with the
 * incarnation of the connection they go over.
 */
export type RawPayload = Buffer | readonly Uint8Array[] | ((next: () => Position) => Buffer);

/** Takes one payload piece by piece, as it comes from the socket. */
export interface PayloadSink {
  write(part: Uint8Array): void;
  /** Where the next bytes may be written by the reader itself, at most all that is left; then `wrote` says how many. */
  place(): Uint8Array;
  wrote(bytes: number): void;
  /** All of it was written. */
  end(): void;
  /** The rest will not come. */
  abort(): void;
}

/** Payloads that are taken as they come in, past the broker, instead of being collected first. */
export interface Diversion {
  /** Bytes at the start of a payload that `open` wants to see. */
  readonly headBytes: number;
  /** A place for the payload, head included in `payloadBytes`; null where the broker shall handle the message as any other. */
  open(head: Buffer, payloadBytes: number): PayloadSink | null;
}

/** Something that carries bytes by topic: a client's connection, or the embedded broker from inside. */
export interface RawChannel {
  /** Resolves when the bytes are on their way. */
  publishRaw(
    topic: string,
    payload: RawPayload,
    options: { readonly qos: 0 | 1; readonly retain: boolean },
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * Only where the channel is a connection: hands parts over at once, as `publishRaw` with QoS 0 does, without a promise
   * and a deadline for each. `done` is called later, once: they are on their way, or lost with the connection.
   */
  sendParts?(topic: string, parts: readonly Uint8Array[], done: () => void): void;
  /** Resolves when the subscription stands; the returned function ends it. */
  subscribeRaw(
    filter: string,
    qos: 0 | 1,
    handler: (message: RawMessage) => void,
    signal?: AbortSignal,
  ): Promise<() => void>;
  /**
   * Only where the channel is a connection that may be lost and come back, with its subscriptions. Called at each loss and
   * each return; what was on its way at a loss may not have arrived.
   */
  onConnectionChange?(listener: (connected: boolean) => void): void;
  /** Only where the channel sees the bytes of its connections. The returned function ends it. */
  divert?(topic: string, diversion: Diversion): () => void;
}

/** The same diversion, which tells of every payload that it takes. */
export function toldDiversion({ headBytes, open }: Diversion, onTaken: (payloadBytes: number) => void): Diversion {
  return {
    headBytes,
    open(head, payloadBytes) {
      const sink = open(head, payloadBytes);
      if (sink !== null) onTaken(payloadBytes);
      return sink;
    },
  };
}

/** A payload in one piece. */
export function wholePayload(payload: RawPayload, next: () => Position): Buffer {
  if (Buffer.isBuffer(payload)) return payload;
  return typeof payload === 'function' ? payload(next) : Buffer.concat(payload as readonly Uint8Array[]);
}
