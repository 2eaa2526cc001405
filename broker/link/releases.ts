import { FewMap } from '../few.ts';
import type { FrameKind } from '../frame/kinds.ts';
import type { HeldTensor } from './ledger.ts';
import type { Allowance } from './types.ts';

/** So long a sender may take for held what the consumer has given back. */
const PATIENCE_MILLISECONDS = 200;

export interface ReleasesNeeds {
  /** Whether a sender who takes so much more for held has little of its window left. */
  readonly isShort: (kind: FrameKind, untold: Allowance) => boolean;
  /** Sends a status. */
  readonly tell: () => void;
}

/**
 * When a credit is told to be free. A tensor that arrives is told at once, and its status tells of all that was given back
 * before. So one for a credit alone is needed only where the sender may soon wait for it, or nothing arrives for a while.
 */
export class Releases {
  readonly #needs: ReleasesNeeds;
  readonly #untold = new FewMap<FrameKind, Allowance>();
  #timer: NodeJS.Timeout | undefined;

  constructor(needs: ReleasesNeeds) {
    this.#needs = needs;
  }

  /** The consumer has given a tensor back. */
  add({ kind, bytes }: Pick<HeldTensor, 'kind' | 'bytes'>): void {
    const { isShort, tell } = this.#needs;
    const before = this.#untold.get(kind) ?? { tensors: 0, bytes: 0 };
    const untold = { tensors: before.tensors + 1, bytes: before.bytes + bytes };
    this.#untold.set(kind, untold);
    if (isShort(kind, untold)) tell();
    else this.#timer ??= setTimeout(tell, PATIENCE_MILLISECONDS);
  }

  /** A status has told all. */
  told(): void {
    this.#untold.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
