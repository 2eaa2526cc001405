import { Recent } from '../few.ts';
import { parseFrame, parseHead, payloadProblem } from '../frame/decode.ts';
import type { FrameMeter } from '../frame/encode.ts';
import type { FrameHeader } from '../frame/header.ts';
import type { FrameKind } from '../frame/kinds.ts';
import { digestProblem, headProblem, startPayloadDigest, type Trust } from '../frame/proof.ts';
import type { FrameRefusal, MisplacedReason } from '../frame/reasons.ts';
import type { Position } from '../messages/envelope.ts';
import type { RunningDigest } from '../session/tags.ts';
import { type Arrival, createArrival, type Outcome, timed } from './arrival.ts';
import { type HeldTensor, Ledger, type LedgerStatus, type OpenTensor } from './ledger.ts';
import { type Place, Places } from './places.ts';
import type { Allowance, Examiner, Judge, TensorMemory, Window } from './types.ts';

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
  /** Whether a sender who takes so much more for held than is has at most half of its window left. */
  isShort(kind: FrameKind, untold: Allowance): boolean;
  /** There is a sender of this incarnation: what one before it left unfinished will not come. */
  meet(incarnation: number): void;
  /** The sender has these tensors under way, and no others. */
  settle(incarnation: number, underWay: readonly number[]): void;
  /** Frames of this later term have a place too, and tensors up to this length. */
  admit(term: number, window: Window, maxTensorBytes: number, judge?: Judge): void;
  /** Frames of this term alone have a place. */
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
  readonly trust: Trust;
  readonly window: Window;
  readonly maxTensorBytes: number;
  readonly judge?: Judge | undefined;
  readonly examine?: Examiner | undefined;
  readonly memory: TensorMemory;
  readonly meter: FrameMeter;
  readonly after?: Position;
}

/** Names of tensors that were delivered, and as many again; the oldest are forgotten, the step check remains. */
const REMEMBERED_TENSORS = 4096;

const BEFORE_ALL: Position = { incarnation: -1, sequence: -1 };

/** Sending such a tensor once more may help; with the others it would end the same. */
const mendable: ReadonlySet<FrameRefusal> = new Set([
  'chunk-missing',
  'no-credit',
  'tensor-too-large',
  'unknown-codec',
  'bad-encoding',
]);

export function createIntake(options: IntakeOptions): Intake {
  const { from, to, run, trust, meter, examine = () => null } = options;
  const ledger = new Ledger(options.after ?? BEFORE_ALL);
  const places = new Places(options.memory, ledger);
  const delivered = new Recent<string>(REMEMBERED_TENSORS);
  let { term, window, maxTensorBytes, judge = () => null } = options;
  /** The latest that has a place. */
  let newest = term;

  /** The same tensor, of which a part came before under another number. */
  const unfinished = (key: string): OpenTensor | undefined =>
    ledger.open.values().find(({ header }) => tensorKey(header) === key);

  const fitsWindow = ({ kind, totalBytes }: FrameHeader, besides: OpenTensor | undefined): boolean => {
    const { tensors, bytes } = ledger.load(kind, besides);
    return tensors < window[kind].tensors && bytes + totalBytes <= window[kind].bytes;
  };

  /** A believed frame that starts a tensor: may it? */
  const startProblem = (header: FrameHeader): MisplacedReason | null => {
    if (header.chunk !== 0) return 'chunk-missing';
    if (header.run !== run) return 'other-run';
    if (header.term < term) return 'older-term';
    if (header.term > newest) return 'newer-term';
    if (header.totalBytes > maxTensorBytes) return 'tensor-too-large';
    const key = tensorKey(header);
    if (delivered.has(key)) return 'duplicate';
    if (!fitsWindow(header, unfinished(key))) return 'no-credit';
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

  const begin = (header: FrameHeader, { buffer }: Place): OpenTensor => {
    const tensor = { header, buffer, chunks: 0 };
    places.freeing(() => {
      const before = unfinished(tensorKey(header));
      if (before !== undefined) ledger.refuse(before.header.sequence, 'replayed');
      ledger.advance(header);
      ledger.open.set(header.sequence, tensor);
    });
    return tensor;
  };

  const add = (header: FrameHeader, place: Place): Outcome => {
    const tensor = header.chunk === 0 ? begin(header, place) : ledger.open.get(header.sequence)!;
    tensor.chunks += 1;
    if (tensor.chunks < header.chunks) return { result: 'waiting' };
    const problem = examine(header, new Uint8Array(place.buffer));
    if (problem !== null) {
      places.freeing(() => ledger.lose(header.sequence, problem));
      return { result: 'refused', reason: problem };
    }
    ledger.open.delete(header.sequence);
    const { kind, totalBytes: bytes, incarnation, sequence } = header;
    const held = { kind, bytes, key: tensorKey(header), position: { incarnation, sequence } };
    ledger.held.add(held);
    delivered.add(held.key);
    return { result: 'tensor', header, buffer: place.buffer, held };
  };

  /** A believed frame without a place. */
  const turnAway = (header: FrameHeader, reason: FrameRefusal): void => {
    const isNew = ledger.isNew(header);
    places.freeing(() => {
      if (isNew) ledger.advance(header);
      const isOpen = ledger.open.has(header.sequence);
      if (isNew && !mendable.has(reason)) ledger.refuse(header.sequence, reason);
      else if (isNew || (isOpen && reason === 'chunk-missing')) ledger.lose(header.sequence, reason);
    });
    if (reason === 'duplicate') renumber(header);
  };

  /** What is still held was sent again, since its sender did not know; the credit is that of the new number. */
  const renumber = (header: FrameHeader): void => {
    const { incarnation, sequence } = header;
    const key = tensorKey(header);
    for (const held of ledger.held.values()) if (held.key === key) held.position = { incarnation, sequence };
  };

  /** What a whole, believed frame comes to. */
  const conclude = (header: FrameHeader, untrue: FrameRefusal | null, place: () => Place): Outcome => {
    if (untrue !== null) return { result: 'refused', reason: untrue };
    const reason = placeProblem(header);
    if (reason === null) return add(header, place());
    turnAway(header, reason);
    return { result: 'refused', reason };
  };

  const meet = (incarnation: number): void => {
    if (incarnation > ledger.position.incarnation) places.freeing(() => ledger.restart(incarnation));
  };

  const arrive = (header: FrameHeader, head: Buffer, digest: RunningDigest): Arrival => {
    const place = places.of(header);
    places.arrive(place);
    return createArrival({
      memory: place.memory,
      digest,
      meter,
      end(found) {
        const outcome = conclude(header, digestProblem(head, found), () => place);
        if (outcome.result === 'refused') places.leave(place);
        else places.arrived();
        return outcome;
      },
      abort: () => places.leave(place),
    });
  };

  return {
    get position() {
      return ledger.position;
    },
    get status() {
      return ledger.status();
    },
    admit(next, grown, longest, judgeNow = judge) {
      judge = judgeNow;
      newest = next;
      window = grown;
      maxTensorBytes = longest;
    },
    setTerm(next) {
      term = next;
      newest = next;
      places.freeing(() => {
        for (const { header } of ledger.open.values()) {
          if (header.term !== next) ledger.refuse(header.sequence, 'older-term');
        }
      });
    },
    release: (tensor) => void ledger.held.delete(tensor),
    isShort(kind, untold) {
      const { tensors, bytes } = ledger.load(kind);
      return 2 * (tensors + untold.tensors) >= window[kind].tensors || 2 * (bytes + untold.bytes) >= window[kind].bytes;
    },
    meet,
    settle(incarnation, underWay) {
      if (incarnation < ledger.position.incarnation) return;
      meet(incarnation);
      places.freeing(() => ledger.forget(new Set(underWay)));
    },
    take(bytes) {
      const parsed = parseFrame(bytes);
      if (!parsed.ok) return { result: 'refused', reason: parsed.reason };
      const { header, payload } = parsed;
      if (header.from !== from || header.to !== to) return { result: 'refused', reason: 'other-link' };
      const forged = timed(meter, 'verify', () => headProblem(bytes, header, trust));
      if (forged !== null) return { result: 'refused', reason: forged };
      // Replays are the cheapest thing to send at us, so they are turned away before the payload is read.
      if (!ledger.isNew(header) && ledger.find(header) === 'replayed') return { result: 'refused', reason: 'replayed' };
      const altered = timed(meter, 'digest', () => payloadProblem(bytes, header, trust));
      return conclude(header, altered, () => {
        const place = places.of(header);
        timed(meter, 'copy', () => place.memory.set(payload));
        return place;
      });
    },
    begin(head, payloadBytes) {
      const header = parseHead(head, payloadBytes);
      if (places.isArriving || typeof header === 'string') return null;
      if (header.from !== from || header.to !== to) return null;
      if (timed(meter, 'verify', () => headProblem(head, header, trust)) !== null) return null;
      if (placeProblem(header) !== null) return null;
      const digest = startPayloadDigest(head, header, trust);
      return digest === null ? null : arrive(header, Buffer.from(head), digest);
    },
  };
}

/** What a tensor is: within a term a step sends each once. */
function tensorKey({ kind, term, step, microBatch, slot, name }: FrameHeader): string {
  return `${kind} ${term} ${step} ${microBatch} ${slot} ${name}`;
}

function sameTensor(a: FrameHeader, b: FrameHeader): boolean {
  const numbers = (['term', 'step', 'microBatch', 'slot', 'totalBytes'] as const).every(
    (field) => a[field] === b[field],
  );
  const isSameCodec = a.codec.id === b.codec.id && Buffer.compare(a.codec.params, b.codec.params) === 0;
  const isSameValue = a.kind === b.kind && a.dtype === b.dtype && a.shape.join() === b.shape.join();
  return numbers && isSameCodec && isSameValue && a.name === b.name;
}
