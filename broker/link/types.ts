import type { FrameHeader } from '../frame/header.ts';
import type { DataType, FrameKind } from '../frame/kinds.ts';
import type { FrameRefusal } from '../frame/reasons.ts';

/** What a sender says of one tensor. */
export interface TensorMeta {
  readonly kind: FrameKind;
  readonly step: number;
  readonly microBatch: number;
  /** Which of several tensors of the same kind, step and micro-batch; 0 where there is one. */
  readonly slot: number;
  /** For a block's state: the tensor's name. Empty or left out elsewhere. */
  readonly name?: string;
  readonly dtype: DataType;
  /** At most 6 dimensions; of the tensor before encoding. */
  readonly shape: readonly number[];
  /** How the payload is encoded; left out for raw values. */
  readonly codec?: { readonly id: number; readonly params: Uint8Array };
}

/** What a receiver learns of one tensor. */
export interface ReceivedMeta extends Required<TensorMeta> {
  readonly run: string;
  readonly term: number;
  readonly from: string;
  readonly to: string;
  readonly sequence: number;
}

/** A whole, verified tensor. */
export interface ReceivedTensor {
  readonly meta: ReceivedMeta;
  /** Encoded bytes, all of their buffer: any typed array fits on it. Not valid after `release`. */
  readonly payload: Uint8Array;
  /** Gives the memory back and the sender its credit. Nothing happens when it was released or kept before. */
  release(): void;
  /** As `release`, but the memory is the caller's from now on. */
  keep(): void;
}

/** Where the bytes of received tensors go. */
export interface TensorMemory {
  /** A buffer of exactly `bytes`; what is in it does not matter. */
  take(bytes: number): ArrayBufferLike;
  giveBack(buffer: ArrayBufferLike): void;
}

/** Where the time of one link went, for the runtime's own share. Seconds of this thread. */
export interface LinkSeconds {
  readonly copy: number;
  readonly digest: number;
  readonly sign: number;
  readonly verify: number;
}

export interface LinkStats {
  readonly tensors: number;
  readonly frames: number;
  /** Senders: frames with a session's tag; the others were signed. */
  readonly tagged: number;
  /** On the wire: MQTT header, topic, frame; credits too. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly refused: Readonly<Partial<Record<FrameRefusal, number>>>;
  /** Senders: tensors of which something had to be sent again, and connections that came back. */
  readonly resent: number;
  readonly reconnects: number;
  readonly seconds: LinkSeconds;
  /** Senders: how long `send` waited for a credit, seconds. */
  readonly creditWaitSeconds: number;
  /** Senders: how long at least one tensor was on its way, from its credit until all of it was there; seconds. */
  readonly busySeconds: number;
}

/** The sending end of an ordered pair of boards. */
export interface LinkSender {
  readonly from: string;
  readonly to: string;
  /**
   * Sends one tensor: waits for a credit of its kind, then signs and hands over its frames, and resolves when the
   * receiver has all of it. Until then `payload` must not change, since parts of it may have to be sent again. Of several
   * that are under way, labels go before gradients before activations before state before replicas, then lower steps and micro-batches
   * first, chunk by chunk.
   * @throws TensorTooLargeError, InvalidFrameError, ClosedError, LinkLostError, or the signal's reason.
   */
  send(meta: TensorMeta, payload: Uint8Array | Float32Array, signal?: AbortSignal): Promise<void>;
  /**
   * Waits until the receiver takes tensors of this term too, and as long ones as it then says; those sent carry the term of
   * before until `setTerm`. @throws DeadlineError after the transport's patience, ClosedError, LinkLostError, or the signal's reason
   */
  join(term: number, signal?: AbortSignal): Promise<void>;
  /** Tensors sent from now on carry this term. */
  setTerm(term: number): void;
  /** Resolves with the reason when the link can no longer be used; undefined after `close`. */
  readonly ended: Promise<Error | undefined>;
  readonly stats: LinkStats;
  close(): Promise<void>;
}

/** The receiving end. */
export interface LinkReceiver {
  readonly from: string;
  readonly to: string;
  /** Accepts frames of this later term too, of tensors up to `maxTensorBytes`, judged by what `judgeUpTo` says of the longest, and tells the sender so. */
  admit(term: number, maxTensorBytes: number, judgeUpTo?: (bytes: number) => Judge): Promise<void>;
  /** From now on only frames of this term are accepted. */
  setTerm(term: number): void;
  readonly stats: LinkStats;
  /** Tensors still held by the consumer stay valid until they are released. */
  close(): Promise<void>;
}

/** How many tensors of each kind may be on their way or held by the consumer. */
export type Credits = Readonly<Record<FrameKind, number>>;

/** What may be on its way or held by the consumer of one kind: so many tensors, and so many bytes in all. */
export interface Allowance {
  readonly tensors: number;
  readonly bytes: number;
}

export type Window = Readonly<Record<FrameKind, Allowance>>;

/** What a board has against a tensor whose head is believed, by that head alone; null where it has nothing. */
export type Judge = (header: FrameHeader) => 'unknown-codec' | 'bad-encoding' | null;

/** As `Judge`, once all of the tensor is there and still nobody has it. Quick, and it may not throw or change the payload. */
export type Examiner = (header: FrameHeader, payload: Uint8Array) => ReturnType<Judge>;

export interface SenderOptions {
  readonly to: string;
  /** `mqtt://host:port` of the receiver's broker; the memory transport does not look at it. */
  readonly url: string;
  readonly run: string;
  readonly term: number;
  /** How long the link may be without a connection, or the receiver silent, before it is given up. 30 s. */
  readonly patienceMilliseconds?: number;
  readonly signal?: AbortSignal;
}

export interface ReceiverOptions {
  readonly from: string;
  readonly run: string;
  readonly term: number;
  /** Longest encoded tensor; together with the credits it bounds what this end holds. */
  readonly maxTensorBytes: number;
  /** Kinds that are not in it have what `defaultCredits` says, where short tensors count for less than long ones. */
  readonly credits?: Partial<Credits>;
  /** Asked before memory is taken for a tensor. */
  readonly judge?: Judge;
  /** Asked before a tensor is delivered. */
  readonly examine?: Examiner;
  /** By default each tensor gets memory of its own. */
  readonly memory?: TensorMemory;
  /** Called for each tensor once, as soon as it is whole. It must not throw; whatever is slow goes elsewhere. */
  readonly onTensor: (tensor: ReceivedTensor) => void;
}

/** Makes links for one board. */
export interface Transport {
  /** Resolves once the receiver has opened its end too. @throws DeadlineError after the transport's patience. */
  openSender(options: SenderOptions): Promise<LinkSender>;
  openReceiver(options: ReceiverOptions): Promise<LinkReceiver>;
  /** Closes every link that was opened through it. */
  close(): Promise<void>;
}
