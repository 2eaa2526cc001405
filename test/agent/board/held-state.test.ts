import test from 'ava';
import { HeldState, PIECE_BYTES, StateNotHeldError, sendReplica } from '../../../agent/board/held-state.ts';
import { UnexpectedTensorError } from '../../../agent/runtime/errors.ts';
import type { LinkSender, ReceivedTensor, TensorMeta } from '../../../broker/index.ts';

const { signal } = new AbortController();
const PIECE = PIECE_BYTES / 4;

const counting = (length: number, from = 0) => Float32Array.from({ length }, (_, at) => from + at);

/** A piece as it arrives from a neighbour. */
function arriving(meta: TensorMeta, values: Float32Array, released: string[] = []): ReceivedTensor {
  const codec = { id: 0, params: new Uint8Array(16) };
  const about = { name: '', codec, ...meta, from: 'pi-1' } as unknown as ReceivedTensor['meta'];
  const payload = new Uint8Array(values.slice().buffer);
  return { meta: about, payload, release: () => void released.push('released'), keep: () => {} };
}

/** A board that keeps blocks 3 and 4 of a neighbour, and the link to it. */
function aNeighbour(lengths: readonly number[]) {
  const held = new HeldState();
  held.join('run-1');
  const sent: TensorMeta[] = [];
  const released: string[] = [];
  const expected = { firstBlock: 3, lastBlock: 4, stateBytes: lengths.map((length) => 4 * length) };
  const take = (meta: TensorMeta, values: Float32Array) => held.take(arriving(meta, values, released), expected);
  let underWay = 0;
  const link = {
    async send(meta: TensorMeta, values: Float32Array) {
      underWay += 1;
      if (underWay > 1) throw new Error('an activation would wait for two pieces');
      await new Promise((resolve) => setImmediate(resolve));
      sent.push(meta);
      take(meta, values);
      underWay -= 1;
    },
  } as unknown as LinkSender;
  return { held, link, sent, take, released };
}

test('a replica comes piece by piece, one at a time, and is the same state', async (t) => {
  const lengths = [0, 0, 0, 2 * PIECE + 7, 5];
  const { held, link, sent, released } = aNeighbour(lengths);
  const state = new Map([3, 4].map((block) => [block, counting(lengths[block]!, block)]));
  t.is(await sendReplica(link, state, 20, signal), 4 * (2 * PIECE + 12));
  t.deepEqual(
    sent.map(({ kind, microBatch, slot, shape }) => [kind, microBatch, slot, shape]),
    [
      ['state-replica', 3, 0, [PIECE]],
      ['state-replica', 3, 1, [PIECE]],
      ['state-replica', 3, 2, [7]],
      ['state-replica', 4, 0, [5]],
    ],
  );
  for (const block of [3, 4]) t.deepEqual(held.blockOf(20, block), state.get(block));
  t.is(released.length, 4, 'the memory of pieces is used again');
});

test('a block of which something is missing is not held', (t) => {
  const { held, take } = aNeighbour([0, 0, 0, PIECE + 1, 0]);
  const meta = { kind: 'state-replica', step: 20, microBatch: 3, dtype: 'float32', shape: [PIECE] } as const;
  take({ ...meta, slot: 0 }, counting(PIECE));
  t.throws(() => held.blockOf(20, 3), { instanceOf: StateNotHeldError, code: 'STATE_NOT_HELD' });
  take({ ...meta, slot: 1, shape: [1] }, counting(1));
  t.is(held.blockOf(20, 3).length, PIECE + 1);
  take({ ...meta, slot: 0 }, counting(PIECE));
  t.throws(() => held.blockOf(20, 3), { instanceOf: StateNotHeldError }, 'it is sent anew in a later term');
});

test('what a neighbour has no business to send changes nothing, and its memory is given back', (t) => {
  const { held, take, released } = aNeighbour([9, 9, 9, 9, 9]);
  const meta = { kind: 'state-replica', step: 20, microBatch: 3, slot: 0, dtype: 'float32', shape: [9] } as const;
  const wrong: readonly (readonly [TensorMeta, number])[] = [
    [{ ...meta, microBatch: 2 }, 9],
    [{ ...meta, microBatch: 5 }, 9],
    [{ ...meta, slot: 1 }, 9],
    [meta, 8],
    [meta, 10],
    [{ ...meta, codec: { id: 3, params: new Uint8Array(16) } }, 9],
  ];
  for (const [about, length] of wrong) {
    t.throws(() => take(about, counting(length)), { instanceOf: UnexpectedTensorError });
  }
  t.is(released.length, wrong.length);
  for (const block of [2, 3, 5]) t.throws(() => held.blockOf(20, block), { instanceOf: StateNotHeldError });
});

test('state of two steps is held at most; what is told to be forgotten is, and so is another run', (t) => {
  const held = new HeldState();
  held.join('run-1');
  const steps = () => [20, 40, 60].filter((step) => isHeld(held, step));
  for (const step of [20, 40, 60]) held.put(step, 0, counting(3));
  t.deepEqual(steps(), [40, 60]);
  held.forget('run-2', null);
  t.deepEqual(steps(), [40, 60], 'another run says nothing of this one');
  held.forget('run-1', 60);
  t.deepEqual(steps(), [60]);
  held.join('run-1');
  t.deepEqual(steps(), [60], 'another plan of the same run');
  held.join('run-2');
  t.deepEqual(steps(), []);
});

function isHeld(held: HeldState, step: number): boolean {
  try {
    return held.blockOf(step, 0).length > 0;
  } catch {
    return false;
  }
}
