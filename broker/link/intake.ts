import { digestProblem, parseFrame, parseHead, payloadProblem, signatureProblem } from '../frame/decode.ts';
import { startDigest } from '../frame/digest.ts';
import type { FrameMeter } from '../frame/encode.ts';
import type { FrameHeader } from '../frame/header.ts';
import type { FrameRefusal, MisplacedReason } from '../frame/reasons.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Position } from '../messages/envelope.ts';
import { MAX_FRAME_PAYLOAD_BYTES } from '../topics.ts';
import { type HeldTensor, Ledger, type LedgerStatus, type OpenTensor } from './ledger.ts';
import type { Credits, Judge, TensorMemory } from './types.ts';

/** What came of a frame. */
export type Outcome =
  | { readonly result: 'refused'; readonly reason: FrameRefusal }
  | { readonly result: 'waiting' }
  | {
      readonly result: 'tensor';
      readonly header: FrameHeader;
      readonly buffer: ArrayBufferLike;
      readonly held: HeldTensor;
    };

/** A frame whose head is believed, and whose payload is written into its place part by part. */
export interface Arrival {
  write(part: Uint8Array): void;
  /** The part of the place that is not written yet; whoever writes there says so by `wrote`. */
  place(): Uint8Array;
  wrote(bytes: number): void;
  /** All of the payload was written. It counts for nothing before. */
  end(): Outcome;
  /** The rest will not come. */
  abort(): void;
}

/** Decides frame by frame what is believed and what has its place. No I/O. */
export interface Intake {
  take(bytes: Buffer): Outcome;
  /**
   * Takes a frame of which only the head is there (448 bytes). Null where anything is to be said against it, or another
   * is arriving; then nothing has changed, and `take` tells what is wrong once all of it is there.
   */
  begin(head: Buffer, payloadBytes: number): Arrival | null;
  /** The consumer gave a tensor back. */
  release(tensor: HeldTensor): void;
  /** The sender has these tensors under way, and no others. */
  settle(incarnation: number, underWay: readonly number[]): void;
  setTerm(term: number): void;
  readonly status: LedgerStatus;
  /** The latest tensor seen; a receiver that follows on this link starts from here. */
  readonly position: Position;
}

export interface IntakeOptions {
  readonly from: string;
  readonly to: string;
  readonly run: string;
  readonly term: number;
  readonly keyring: Keyring;
  readonly credits: Credits;
  readonly maxTensorBytes: number;
  readonly judge?: Judge | undefined;
  readonly memory: TensorMemory;
  readonly meter: FrameMeter;
  readonly after?: Position;
}

/** Names of tensors that were delivered in this term; the oldest are forgotten, the step check remains. */
const REMEMBERED_TENSORS = 8192;

const BEFORE_ALL: Position = { incarnation: -1, sequence: -1 };

/** Sending such a tensor once more may help; with the others it would end the same. */
const mendable: ReadonlySet<FrameRefusal> = new Set([
  'chunk-missing',
  'no-credit',
  'tensor-too-large',
  'unknown-codec',
  'bad-encoding',
]);

interface Place {
  readonly buffer: ArrayBufferLike;
  readonly memory: Uint8Array;
}

export function createIntake(options: IntakeOptions): Intake {
  const { from, to, run, keyring, credits, maxTensorBytes, memory, meter, judge = () => null } = options;
  const ledger = new Ledger(options.after ?? BEFORE_ALL);
  const delivered = new Set<string>();
  let { term } = options;
  /** Where a frame is being written to. */
  let arriving: ArrayBufferLike | undefined;

  /** The same tensor, of which a part came before under another number. */
  const unfinished = (key: string): OpenTensor | undefined =>
    [...ledger.open.values()].find(({ header }) => tensorKey(header) === key);

  /** A believed frame that starts a tensor: may it? */
  const startProblem = (header: FrameHeader): MisplacedReason | null => {
    if (header.chunk !== 0) return 'chunk-missing';
    if (header.run !== run) return 'other-run';
    if (header.term < term) return 'older-term';
    if (header.term > term) return 'newer-term';
    if (header.totalBytes > maxTensorBytes) return 'tensor-too-large';
    const key = tensorKey(header);
    if (delivered.has(key)) return 'duplicate';
    if (ledger.count(header.kind, unfinished(key)) >= credits[header.kind]) return 'no-credit';
    return judge(header);
  };

  const placeProblem = (header: FrameHeader): FrameRefusal | null => {
    if (ledger.isNew(header)) return startProblem(header);
    const found = ledger.find(header);
    if (typeof found === 'string') return found;
    if (!sameTensor(header, found.header)) return 'chunk-of-another-tensor';
    if (header.chunk === found.chunks) return null;
    return header.chunk < found.chunks ? 'chunk-twice' : 'chunk-missing';
  };

  /** Where a frame that has its place is written to. */
  const placeOf = (header: FrameHeader): Place => {
    const found = header.chunk === 0 ? undefined : ledger.open.get(header.sequence);
    const buffer = found?.buffer ?? memory.take(header.totalBytes);
    return { buffer, memory: new Uint8Array(buffer, header.chunk * MAX_FRAME_PAYLOAD_BYTES, header.payloadBytes) };
  };

  /** Unless a frame is being written there. */
  const giveBack = (buffer: ArrayBufferLike): void => {
    if (buffer !== arriving) memory.giveBack(buffer);
  };

  const begin = (header: FrameHeader, { buffer }: Place): OpenTensor => {
    const before = unfinished(tensorKey(header));
    const unfinishedBuffers = [...ledger.open.values()].map((tensor) => tensor.buffer);
    if (before !== undefined) ledger.refuse(before.header.sequence, 'replayed');
    ledger.advance(header);
    const tensor = { header, buffer, chunks: 0 };
    ledger.open.set(header.sequence, tensor);
    freeDropped(unfinishedBuffers);
    return tensor;
  };

  const freeDropped = (before: readonly ArrayBufferLike[]): void => {
    const still = new Set([...ledger.open.values()].map(({ buffer }) => buffer));
    for (const buffer of before) if (!still.has(buffer)) giveBack(buffer);
  };

  const add = (header: FrameHeader, place: Place): Outcome => {
    const tensor = header.chunk === 0 ? begin(header, place) : ledger.open.get(header.sequence)!;
    tensor.chunks += 1;
    if (tensor.chunks < header.chunks) return { result: 'waiting' };
    ledger.open.delete(header.sequence);
    const { kind, incarnation, sequence } = header;
    const held = { kind, key: tensorKey(header), position: { incarnation, sequence } };
    ledger.held.add(held);
    remember(delivered, held.key);
    return { result: 'tensor', header, buffer: place.buffer, held };
  };

  /** A believed frame without a place. */
  const turnAway = (header: FrameHeader, reason: FrameRefusal): void => {
    const isNew = ledger.isNew(header);
    const open = [...ledger.open.values()].map(({ buffer }) => buffer);
    if (isNew) ledger.advance(header);
    const isOpen = ledger.open.has(header.sequence);
    if (isNew && !mendable.has(reason)) ledger.refuse(header.sequence, reason);
    else if (isNew || (isOpen && reason === 'chunk-missing')) ledger.lose(header.sequence, reason);
    freeDropped(open);
    if (reason === 'duplicate') renumber(header);
  };

  /** What is still held was sent again, since its sender did not know; the credit is that of the new number. */
  const renumber = (header: FrameHeader): void => {
    const { incarnation, sequence } = header;
    const key = tensorKey(header);
    for (const held of ledger.held) if (held.key === key) held.position = { incarnation, sequence };
  };

  /** What a whole, believed frame comes to. */
  const conclude = (header: FrameHeader, untrue: FrameRefusal | null, place: () => Place): Outcome => {
    if (untrue !== null) return { result: 'refused', reason: untrue };
    const reason = placeProblem(header);
    if (reason === null) return add(header, place());
    turnAway(header, reason);
    return { result: 'refused', reason };
  };

  const timed = <T>(part: keyof FrameMeter, act: () => T): T => {
    const begun = performance.now();
    const result = act();
    meter[part] += (performance.now() - begun) / 1000;
    return result;
  };

  const arrive = (header: FrameHeader, head: Buffer): Arrival => {
    const place = placeOf(header);
    const digest = startDigest(header.digest);
    let written = 0;
    arriving = place.buffer;
    const leave = (): void => {
      arriving = undefined;
      const isOpen = [...ledger.open.values()].some(({ buffer }) => buffer === place.buffer);
      if (!isOpen) memory.giveBack(place.buffer);
    };
    return {
      write(part) {
        timed('copy', () => place.memory.set(part, written));
        written += part.length;
        timed('digest', () => digest.update(part));
      },
      place: () => place.memory.subarray(written),
      wrote(bytes) {
        timed('digest', () => digest.update(place.memory.subarray(written, written + bytes)));
        written += bytes;
      },
      end() {
        const outcome = conclude(header, digestProblem(head, digest.digest()), () => place);
        if (outcome.result === 'refused') leave();
        arriving = undefined;
        return outcome;
      },
      abort: leave,
    };
  };

  return {
    get position() {
      return ledger.position;
    },
    get status() {
      return ledger.status();
    },
    setTerm(next) {
      term = next;
      delivered.clear();
      const open = [...ledger.open.values()];
      for (const { header } of open) ledger.refuse(header.sequence, 'older-term');
      freeDropped(open.map(({ buffer }) => buffer));
    },
    release: (tensor) => void ledger.held.delete(tensor),
    settle(incarnation, underWay) {
      if (incarnation < ledger.position.incarnation) return;
      const open = [...ledger.open.values()].map(({ buffer }) => buffer);
      if (incarnation > ledger.position.incarnation) ledger.restart(incarnation);
      ledger.forget(new Set(underWay));
      freeDropped(open);
    },
    take(bytes) {
      const parsed = parseFrame(bytes);
      if (!parsed.ok) return { result: 'refused', reason: parsed.reason };
      const { header, payload } = parsed;
      if (header.from !== from || header.to !== to) return { result: 'refused', reason: 'other-link' };
      const forged = timed('verify', () => signatureProblem(bytes, header, keyring));
      if (forged !== null) return { result: 'refused', reason: forged };
      // Replays are the cheapest thing to send at us, so they are turned away before the payload is read.
      if (!ledger.isNew(header) && ledger.find(header) === 'replayed') return { result: 'refused', reason: 'replayed' };
      const altered = timed('digest', () => payloadProblem(bytes, header));
      return conclude(header, altered, () => {
        const place = placeOf(header);
        timed('copy', () => place.memory.set(payload));
        return place;
      });
    },
    begin(head, payloadBytes) {
      const header = parseHead(head, payloadBytes);
      if (arriving !== undefined || typeof header === 'string') return null;
      if (header.from !== from || header.to !== to) return null;
      if (timed('verify', () => signatureProblem(head, header, keyring)) !== null) return null;
      if (placeProblem(header) !== null) return null;
      return arrive(header, Buffer.from(head));
    },
  };
}

/** What a tensor is within a term: a step sends each once. */
function tensorKey({ kind, step, microBatch, slot, name }: FrameHeader): string {
  return `${kind} ${step} ${microBatch} ${slot} ${name}`;
}

function sameTensor(a: FrameHeader, b: FrameHeader): boolean {
  const numbers = (['term', 'step', 'microBatch', 'slot', 'totalBytes'] as const).every(
    (field) => a[field] === b[field],
  );
  return numbers && a.kind === b.kind && a.dtype === b.dtype && a.name === b.name && a.codec.id === b.codec.id;
}

function remember(delivered: Set<string>, key: string): void {
  delivered.add(key);
  if (delivered.size > REMEMBERED_TENSORS) delivered.delete(delivered.values().next().value as string);
}
