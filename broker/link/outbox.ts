import { FewSet } from '../few.ts';
import { chunksOf } from '../frame/header.ts';
import type { FrameKind } from '../frame/kinds.ts';
import type { LinkStatus } from '../messages/tables.ts';
import type { TensorMeta } from './types.ts';

/** How often a tensor is sent again because it was refused or lost on the way, before its link is given up. */
const MOST_RESENDS = 3;

/** Which goes first of several that are under way. */
const priorities: Record<FrameKind, number> = {
  labels: 0,
  gradient: 1,
  activation: 2,
  'state-down': 3,
  'state-up': 3,
  'state-replica': 4,
};

/** A tensor on its way. */
export interface Outgoing {
  readonly meta: TensorMeta;
  readonly bytes: Uint8Array;
  readonly term: number;
  readonly chunks: number;
  /** Of this sending; undefined before the first, and when the tensor has to be sent anew. */
  sequence: number | undefined;
  /** The next chunk to be sent. */
  chunk: number;
  resends: number;
  /** The receiver has all of it, and its consumer has not given it back. */
  isHeld: boolean;
  /** Its owner no longer wants it sent. */
  isGivenUp: boolean;
}

/** What a status means for the tensors that it is about. */
export interface Settlement {
  /** The receiver has all of them. */
  readonly arrived: readonly Outgoing[];
  /** Their credits are free. */
  readonly ended: readonly Outgoing[];
  /** Something of them is sent again. */
  readonly resent: readonly Outgoing[];
  /** Refused once more than can be put up with. */
  readonly broken?: { readonly tensor: Outgoing; readonly reason: string };
}

/** How far each tensor was sent when a probe went out, so that its answer tells what has been lost. */
export interface ProbePicture {
  readonly number: number;
  readonly sent: ReadonlyMap<Outgoing, { readonly sequence: number; readonly chunk: number }>;
  /** The connection was another: that something is missing is nobody's fault. */
  readonly isReturn: boolean;
}

/** The tensors that a link's sender has taken on and that have not come to their end. No I/O. */
export class Outbox {
  readonly #tensors = new FewSet<Outgoing>();
  #sequence = 0;

  get size(): number {
    return this.#tensors.size;
  }

  add(meta: TensorMeta, bytes: Uint8Array, term: number): Outgoing {
    const tensor: Outgoing = {
      meta,
      bytes,
      term,
      chunks: chunksOf(bytes.length),
      sequence: undefined,
      chunk: 0,
      resends: 0,
      isHeld: false,
      isGivenUp: false,
    };
    this.#tensors.add(tensor);
    return tensor;
  }

  delete(tensor: Outgoing): void {
    this.#tensors.delete(tensor);
  }

  /** Whose next chunk is to be sent. */
  next(): Outgoing | undefined {
    let first: Outgoing | undefined;
    for (const tensor of this.#tensors.values()) {
      const isWaiting = !tensor.isGivenUp && !tensor.isHeld && tensor.chunk < tensor.chunks;
      if (isWaiting && (first === undefined || goesBefore(tensor, first))) first = tensor;
    }
    return first;
  }

  /** The number under which the next chunk is sent. */
  sequenceOf({ sequence }: Outgoing): number {
    return sequence ?? this.#sequence;
  }

  /** The chunk is on its way. */
  sent(tensor: Outgoing): void {
    tensor.sequence ??= this.#sequence++;
    tensor.chunk += 1;
  }

  /** Sequences that the receiver is to keep something of. */
  underWay(): readonly number[] {
    return this.#tensors
      .values()
      .flatMap(({ sequence, isGivenUp }) => (sequence === undefined || isGivenUp ? [] : [sequence]));
  }

  picture(number: number, isReturn: boolean): ProbePicture {
    const sent = new Map<Outgoing, { sequence: number; chunk: number }>();
    for (const tensor of this.#tensors.values()) {
      const { sequence, chunk } = tensor;
      if (sequence !== undefined) sent.set(tensor, { sequence, chunk });
    }
    return { number, sent, isReturn };
  }

  /** Takes in what the receiver says it has; `probe` is the one that it answers, where it answers one. */
  settle(status: LinkStatus, probe: ProbePicture | undefined): Settlement {
    const arrived: Outgoing[] = [];
    const ended: Outgoing[] = [];
    const resent: Outgoing[] = [];
    let broken: Settlement['broken'];
    const open = new Map(status.open.map(({ sequence, chunks }) => [sequence, chunks]));
    const lost = new Map(status.lost.map(({ sequence, reason }) => [sequence, reason]));
    const held = new Set(status.held);
    const again = (tensor: Outgoing, chunk: number, reason: string): void => {
      tensor.chunk = chunk;
      if (chunk === 0) tensor.sequence = undefined;
      resent.push(tensor);
      if (!probe?.isReturn) tensor.resends += 1;
      if (tensor.resends > MOST_RESENDS) broken ??= { tensor, reason };
    };
    for (const tensor of this.#tensors.values()) {
      const { sequence } = tensor;
      if (sequence === undefined) continue;
      const before = probe?.sent.get(tensor);
      const isSame = before?.sequence === sequence;
      const reason = lost.get(sequence);
      const chunks = sequence < status.next ? open.get(sequence) : 0;
      if (tensor.isGivenUp && reason !== undefined) {
        ended.push(tensor);
      } else if (reason !== undefined) {
        again(tensor, 0, reason);
      } else if (chunks !== undefined) {
        // Everything before the probe came before it, so what is not there is lost; a tensor given up was told so.
        if (isSame && chunks < before.chunk && !tensor.isGivenUp) again(tensor, chunks, 'chunk-missing');
        else if (isSame && tensor.isGivenUp) ended.push(tensor);
      } else {
        if (!tensor.isHeld) arrived.push(tensor);
        tensor.isHeld = true;
        if (!held.has(sequence)) ended.push(tensor);
      }
    }
    for (const tensor of ended) this.#tensors.delete(tensor);
    return { arrived, ended, resent, ...(broken === undefined ? {} : { broken }) };
  }
}

function goesBefore(a: Outgoing, b: Outgoing): boolean {
  const order =
    priorities[a.meta.kind] - priorities[b.meta.kind] ||
    a.term - b.term ||
    a.meta.step - b.meta.step ||
    a.meta.microBatch - b.meta.microBatch ||
    a.meta.slot - b.meta.slot;
  return order < 0;
}
