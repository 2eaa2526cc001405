import { FewMap, FewSet } from '../few.ts';
import type { FrameHeader } from '../frame/header.ts';
import type { FrameKind } from '../frame/kinds.ts';
import type { FrameRefusal } from '../frame/reasons.ts';
import type { Position } from '../messages/envelope.ts';
import { type LinkStatus, MOST_OF_A_LINK } from '../messages/tables.ts';
import type { Allowance } from './types.ts';

/** A tensor of which some chunks are there. */
export interface OpenTensor {
  readonly header: FrameHeader;
  readonly buffer: ArrayBufferLike;
  chunks: number;
}

/** A tensor that the consumer has; its position is that of the latest sending of it. */
export interface HeldTensor {
  readonly kind: FrameKind;
  readonly bytes: number;
  readonly key: string;
  position: Position;
}

/** The fields of a status that the ledger knows. */
export type LedgerStatus = Pick<LinkStatus, 'incarnation' | 'next' | 'open' | 'held' | 'lost'>;

/** Sequence numbers that are remembered by reason; a sender has fewer tensors under way. */
const REMEMBERED = MOST_OF_A_LINK;

/**
 * What the receiving end has of a link's tensors, by sequence: each below `next` is open, held, lost (it is to be sent
 * again, under a new number) or done.
 */
export class Ledger {
  readonly open = new FewMap<number, OpenTensor>();
  readonly held = new FewSet<HeldTensor>();
  readonly #lost = new FewMap<number, FrameRefusal>();
  /** Why tensors that have no place have none; the reason of frames of them that still come. */
  readonly #refused = new FewMap<number, FrameRefusal>();
  #incarnation: number;
  #next: number;

  constructor(after: Position) {
    this.#incarnation = after.incarnation;
    this.#next = after.sequence + 1;
  }

  /** The latest tensor of which a frame was seen. */
  get position(): Position {
    return { incarnation: this.#incarnation, sequence: this.#next - 1 };
  }

  /** Whether a tensor was never seen before. */
  isNew({ incarnation, sequence }: Position): boolean {
    return incarnation > this.#incarnation || (incarnation === this.#incarnation && sequence >= this.#next);
  }

  /** The open tensor at a position that is not new, or why there is none. */
  find({ incarnation, sequence }: Position): OpenTensor | FrameRefusal {
    if (incarnation !== this.#incarnation) return 'replayed';
    return this.open.get(sequence) ?? this.#refused.get(sequence) ?? 'replayed';
  }

  /** What is open or held of a kind; `besides` does not count. */
  load(kind: FrameKind, besides?: OpenTensor): Allowance {
    let tensors = 0;
    let bytes = 0;
    const count = (size: number): void => {
      tensors += 1;
      bytes += size;
    };
    for (const tensor of this.open.values()) {
      if (tensor !== besides && tensor.header.kind === kind) count(tensor.header.totalBytes);
    }
    for (const tensor of this.held.values()) if (tensor.kind === kind) count(tensor.bytes);
    return { tensors, bytes };
  }

  /** A tensor begins. Those between the one before and it were lost on the way, unless their sender is a new one. */
  advance({ incarnation, sequence }: Position): void {
    if (incarnation > this.#incarnation) this.restart(incarnation);
    for (let gap = Math.max(this.#next, sequence - REMEMBERED); gap < sequence; gap += 1) {
      remember(this.#lost, gap, 'chunk-missing');
    }
    this.#next = sequence + 1;
  }

  /** Another sender: what the one before left unfinished will not come. */
  restart(incarnation: number): void {
    this.#incarnation = incarnation;
    this.#next = 0;
    for (const map of [this.open, this.#lost, this.#refused]) map.clear();
  }

  /** The tensor has to be sent again. */
  lose(sequence: number, reason: FrameRefusal): void {
    this.refuse(sequence, reason);
    remember(this.#lost, sequence, reason);
  }

  /** The tensor ends without a place, and nobody needs it. */
  refuse(sequence: number, reason: FrameRefusal): void {
    this.open.delete(sequence);
    remember(this.#refused, sequence, reason);
  }

  /** What the sender no longer cares for: nothing more comes of it. */
  forget(underWay: ReadonlySet<number>): void {
    for (const sequence of this.open.keys()) if (!underWay.has(sequence)) this.refuse(sequence, 'replayed');
    for (const sequence of this.#lost.keys()) if (!underWay.has(sequence)) this.#lost.delete(sequence);
  }

  status(): LedgerStatus {
    const held = this.held.values().map(({ position }) => position);
    return {
      incarnation: Math.max(0, this.#incarnation),
      next: this.#next,
      open: this.open.entries().map(([sequence, { chunks }]) => ({ sequence, chunks })),
      held: held.filter(({ incarnation }) => incarnation === this.#incarnation).map(({ sequence }) => sequence),
      lost: this.#lost.entries().map(([sequence, reason]) => ({ sequence, reason })),
    };
  }
}

function remember(map: FewMap<number, FrameRefusal>, sequence: number, reason: FrameRefusal): void {
  map.set(sequence, reason);
  if (map.size > REMEMBERED) map.delete(map.keys()[0]!);
}
