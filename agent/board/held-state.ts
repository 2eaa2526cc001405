import { FewMap, type LinkSender, RAW_CODEC, type ReceivedTensor } from '../../broker/index.ts';
import { STATE_NOT_HELD } from '../../planner/index.ts';
import { RuntimeError, UnexpectedTensorError } from '../runtime/errors.ts';
import { sendBlock } from './state-transfer.ts';

/**
 * Of a block's state, what is under way at a time: an activation never has more than that in front of it. 42 ms of a wire of
 * 100 Mbit/s.
 */
export const PIECE_BYTES = 512 * 1024;
const PIECE_VALUES = PIECE_BYTES / 4;
/** One that counts, and one that is on its way. */
const MOST_STEPS = 2;

/** The board was started anew, or has worked for another run meanwhile. */
export class StateNotHeldError extends RuntimeError {
  constructor(step: number, block: number) {
    super(STATE_NOT_HELD, `it does not hold the state of block ${block} of step ${step}`);
  }
}

interface HeldBlock {
  readonly values: Float32Array;
  /** So many are there. */
  filled: number;
}

/** What a neighbour may send: the blocks of its stage, and the bytes of each of the model's blocks. */
export interface Expected {
  readonly firstBlock: number;
  readonly lastBlock: number;
  readonly stateBytes: readonly number[];
}

/**
 * State that a board holds for the loss of others, of one run: snapshots of its own stage and replicas of those beside it, by
 * step and block, one value behind the other. It goes from one plan to the next, and is of two steps at most.
 */
export class HeldState {
  #run = '';
  readonly #steps = new FewMap<number, Map<number, HeldBlock>>();

  /** The board has a part in this run: what it holds of another is of no use any more. */
  join(run: string): void {
    if (run !== this.#run) this.forget(this.#run, null);
    this.#run = run;
  }

  forget(run: string, but: number | null): void {
    if (run !== this.#run) return;
    for (const step of this.#steps.keys()) if (step !== but) this.#steps.delete(step);
  }

  /** Own state, which nobody may change any more. */
  put(step: number, block: number, values: Float32Array): void {
    this.#blocksOf(step).set(block, { values, filled: values.length });
  }

  /** A piece of a neighbour's. @throws UnexpectedTensorError */
  take(tensor: ReceivedTensor, { firstBlock, lastBlock, stateBytes }: Expected): void {
    const { meta, payload } = tensor;
    const { step, microBatch: block, slot, codec, from } = meta;
    try {
      const length = (stateBytes[block] ?? 0) / 4;
      const start = slot * PIECE_VALUES;
      const count = Math.min(PIECE_VALUES, length - start);
      const isPlain = codec.id === RAW_CODEC && payload.length === 4 * count;
      if (!isPlain || count <= 0 || block < firstBlock || block > lastBlock) {
        throw new UnexpectedTensorError(
          'state-replica',
          from,
          `${payload.length} bytes, piece ${slot} of block ${block}`,
        );
      }
      const blocks = this.#blocksOf(step);
      const held = slot === 0 ? undefined : blocks.get(block);
      const { values, filled } = held ?? { values: new Float32Array(length), filled: 0 };
      values.set(new Float32Array(payload.buffer, payload.byteOffset, count), start);
      blocks.set(block, { values, filled: filled + count });
    } finally {
      tensor.release();
    }
  }

  /** All of it. @throws StateNotHeldError */
  blockOf(step: number, block: number): Float32Array {
    const held = this.#steps.get(step)?.get(block);
    if (held === undefined || held.filled < held.values.length) throw new StateNotHeldError(step, block);
    return held.values;
  }

  #blocksOf(step: number): Map<number, HeldBlock> {
    const known = this.#steps.get(step);
    if (known !== undefined) return known;
    // The older of two has been forgotten by now where all goes well.
    const oldest = Math.min(...this.#steps.keys());
    if (this.#steps.size >= MOST_STEPS) this.#steps.delete(oldest);
    const blocks = new Map<number, HeldBlock>();
    this.#steps.set(step, blocks);
    return blocks;
  }
}

/** Sends a neighbour the state of blocks, as it is in one row, piece by piece; resolves with its bytes when all is there. */
export async function sendReplica(
  link: LinkSender,
  state: ReadonlyMap<number, Float32Array>,
  step: number,
  signal: AbortSignal,
): Promise<number> {
  let bytes = 0;
  for (const [block, values] of state) {
    for (let slot = 0; slot * PIECE_VALUES < values.length; slot += 1) {
      const piece = values.subarray(slot * PIECE_VALUES, (slot + 1) * PIECE_VALUES);
      const meta = { kind: 'state-replica', step, microBatch: block, slot, dtype: 'float32' } as const;
      await link.send({ ...meta, shape: [piece.length] }, piece, signal);
      bytes += piece.byteLength;
    }
  }
  return bytes;
}

/** Sends the board that goes on with them blocks that this one holds of a step, each as one tensor without a name. */
export async function giveBlocks(
  link: LinkSender,
  held: HeldState,
  step: number,
  blocks: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  const sendings = blocks.map(async (block) => sendBlock(link, block, held.blockOf(step, block), step, signal));
  await Promise.all(sendings);
}
