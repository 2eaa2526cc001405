import { createAssembly, type Place } from '../frame/assembly.ts';
import { digestProblem, parseFrame, parseHead, payloadProblem, signatureProblem } from '../frame/decode.ts';
import { startDigest } from '../frame/digest.ts';
import type { FrameMeter } from '../frame/encode.ts';
import type { FrameHeader } from '../frame/header.ts';
import type { FrameKind } from '../frame/kinds.ts';
import type { FrameRefusal } from '../frame/reasons.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Position } from '../messages/envelope.ts';
import { comparePositions } from '../messages/replay.ts';
import type { Credits, TensorMemory } from './types.ts';

/** What came of a frame. */
export type Outcome =
  /** `freed`: tensors that end here, whose credits go back to the sender. */
  | { readonly result: 'refused'; readonly reason: FrameRefusal; readonly freed: readonly FrameHeader[] }
  | { readonly result: 'waiting'; readonly freed: readonly FrameHeader[] }
  | {
      readonly result: 'tensor';
      readonly header: FrameHeader;
      readonly buffer: ArrayBufferLike;
      readonly freed: readonly FrameHeader[];
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
  /** The consumer gave a tensor of `kind` back. */
  release(kind: FrameKind): void;
  setTerm(term: number): void;
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
  readonly memory: TensorMemory;
  readonly meter: FrameMeter;
  readonly after?: Position;
}

/** Names of tensors that were delivered in this term; the oldest are forgotten, the step check remains. */
const REMEMBERED_TENSORS = 8192;

const BEFORE_ALL: Position = { incarnation: -1, sequence: -1 };

export function createIntake(options: IntakeOptions): Intake {
  const { from, to, run, keyring, credits, maxTensorBytes, memory, meter } = options;
  const assembly = createAssembly((bytes) => memory.take(bytes));
  const held: Partial<Record<FrameKind, number>> = {};
  const delivered = new Set<string>();
  let { term } = options;
  // The latest tensor of which a frame was seen, and what became of it.
  let latest: Position = options.after ?? BEFORE_ALL;
  let verdict: 'open' | 'done' | FrameRefusal = 'done';

  /** A believed frame that starts a tensor: may it? */
  const startProblem = (header: FrameHeader): FrameRefusal | null => {
    if (header.chunk !== 0) return 'chunk-missing';
    if (header.run !== run) return 'other-run';
    if (header.term < term) return 'older-term';
    if (header.term > term) return 'newer-term';
    if (header.totalBytes > maxTensorBytes) return 'tensor-too-large';
    if (delivered.has(tensorKey(header))) return 'duplicate';
    return (held[header.kind] ?? 0) >= credits[header.kind] ? 'no-credit' : null;
  };

  const placeProblem = (header: FrameHeader, order: number): FrameRefusal | null => {
    if (order > 0) return startProblem(header);
    if (order < 0 || verdict === 'done') return 'replayed';
    return verdict === 'open' ? assembly.problem(header) : verdict;
  };

  /** A new tensor ends an unfinished one: a link sends them one after the other. */
  const begin = (header: FrameHeader): readonly FrameHeader[] => {
    const { unfinished } = assembly;
    assembly.drop();
    latest = { incarnation: header.incarnation, sequence: header.sequence };
    return unfinished === null ? [] : [unfinished];
  };

  const add = (header: FrameHeader, place: Place, order: number): Outcome => {
    const freed = order > 0 ? begin(header) : [];
    verdict = 'open';
    const buffer = assembly.add(header, place);
    if (buffer === null) return { result: 'waiting', freed };
    verdict = 'done';
    held[header.kind] = (held[header.kind] ?? 0) + 1;
    remember(delivered, tensorKey(header));
    return { result: 'tensor', header, buffer, freed };
  };

  /** A tensor that its own sender started and that has no place: it ends here, and its credit goes back. */
  const turnAway = (header: FrameHeader, reason: FrameRefusal): readonly FrameHeader[] => {
    const freed = begin(header);
    verdict = reason;
    return [...freed, header];
  };

  /** What a whole, believed frame comes to. */
  const settle = (header: FrameHeader, untrue: FrameRefusal | null, placeOf: () => Place): Outcome => {
    if (untrue !== null) return refused(untrue);
    const order = comparePositions(header, latest);
    const misplaced = placeProblem(header, order);
    if (misplaced === null) return add(header, placeOf(), order);
    return refused(misplaced, order > 0 ? turnAway(header, misplaced) : []);
  };

  const timed = <T>(part: keyof FrameMeter, act: () => T): T => {
    const begun = performance.now();
    const result = act();
    meter[part] += (performance.now() - begun) / 1000;
    return result;
  };

  let arriving = false;

  const arrive = (header: FrameHeader, head: Buffer): Arrival => {
    const place = assembly.place(header);
    const digest = startDigest(header.digest);
    let written = 0;
    arriving = true;
    const leave = (): void => {
      arriving = false;
      if (header.chunk === 0) memory.giveBack(place.buffer);
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
        const outcome = settle(header, digestProblem(head, digest.digest()), () => place);
        if (outcome.result === 'refused') leave();
        arriving = false;
        return outcome;
      },
      abort: leave,
    };
  };

  return {
    get position() {
      return latest;
    },
    setTerm(next) {
      term = next;
      delivered.clear();
      // Chunks of the old term that still come are refused as parts of a tensor that was given up.
      if (assembly.drop()) verdict = 'older-term';
    },
    release(kind) {
      held[kind] = Math.max(0, (held[kind] ?? 0) - 1);
    },
    take(bytes) {
      const parsed = parseFrame(bytes);
      if (!parsed.ok) return refused(parsed.reason);
      const { header, payload } = parsed;
      if (header.from !== from || header.to !== to) return refused('other-link');
      const forged = timed('verify', () => signatureProblem(bytes, header, keyring));
      if (forged !== null) return refused(forged);
      // Replays are the cheapest thing to send at us, so they are turned away before the payload is read.
      if (placeProblem(header, comparePositions(header, latest)) === 'replayed') return refused('replayed');
      const altered = timed('digest', () => payloadProblem(bytes, header));
      return settle(header, altered, () => {
        const place = assembly.place(header);
        timed('copy', () => place.memory.set(payload));
        return place;
      });
    },
    begin(head, payloadBytes) {
      const header = parseHead(head, payloadBytes);
      if (arriving || typeof header === 'string' || header.from !== from || header.to !== to) return null;
      if (timed('verify', () => signatureProblem(head, header, keyring)) !== null) return null;
      if (placeProblem(header, comparePositions(header, latest)) !== null) return null;
      return arrive(header, Buffer.from(head));
    },
  };
}

function refused(reason: FrameRefusal, freed: readonly FrameHeader[] = []): Outcome {
  return { result: 'refused', reason, freed };
}

/** What a tensor is within a term: a step sends each once. */
function tensorKey({ kind, step, microBatch, slot, name }: FrameHeader): string {
  return `${kind} ${step} ${microBatch} ${slot} ${name}`;
}

function remember(delivered: Set<string>, key: string): void {
  delivered.add(key);
  if (delivered.size > REMEMBERED_TENSORS) delivered.delete(delivered.values().next().value as string);
}
