import test from 'ava';
import { StateIntake, sendBlocks } from '../../agent/board/state-transfer.ts';
import type { Engine, StateTensor } from '../../agent/index.ts';
import type { LinkSender, ReceivedTensor, TensorMeta } from '../../broker/index.ts';

const { signal } = new AbortController();

const stateOf = (block: number): readonly StateTensor[] => [
  { name: `b${block}.weight`, shape: [2, 2], data: Float32Array.of(1, 2, 3, block) },
  { name: `optimizer.momentum.b${block}.weight`, shape: [2, 2], data: Float32Array.of(5, 6, 7, 8) },
  { name: `b${block}.bias`, shape: [1], data: Float32Array.of(9) },
];

const description = { state: new Map([3, 4].map((block) => [block, stateOf(block)])) };

/** An engine that keeps what it is told; of blocks that it was told nothing of, it has zeros. */
function anEngine(): Engine & { readonly set: Map<number, readonly StateTensor[]> } {
  const set = new Map<number, readonly StateTensor[]>();
  const zeros = (block: number) => stateOf(block).map((tensor) => ({ ...tensor, data: tensor.data.map(() => 0) }));
  return {
    set,
    getState: async (block: number) => set.get(block) ?? zeros(block),
    setState: async (block: number, tensors: readonly StateTensor[]) => void set.set(block, tensors),
  } as unknown as ReturnType<typeof anEngine>;
}

/** What arrives of a tensor that is sent. */
function arriving(meta: TensorMeta, values: Float32Array): ReceivedTensor {
  const payload = new Uint8Array(values.slice().buffer);
  const about = { name: '', ...meta, from: 'board1' } as ReceivedTensor['meta'];
  return { meta: about, payload, release: () => {}, keep: () => {} };
}

test('a block goes to another engine as one tensor, with all of its values under their names', async (t) => {
  const engine = anEngine();
  const intake = new StateIntake(description, [3, 4]);
  const metas: TensorMeta[] = [];
  const link = {
    async send(meta: TensorMeta, values: Float32Array) {
      metas.push(meta);
      intake.take(arriving(meta, values));
    },
  } as unknown as LinkSender;
  const giver = anEngine();
  for (const block of [3, 4]) giver.set.set(block, stateOf(block));
  await (await sendBlocks(link, giver, [3, 4], 7, signal)).arrived;
  await intake.giveTo(engine, signal);
  t.deepEqual(
    metas.map(({ microBatch, shape, step }) => [microBatch, shape, step]),
    [
      [3, [9], 7],
      [4, [9], 7],
    ],
  );
  t.deepEqual(engine.set.get(3), stateOf(3));
  t.deepEqual(engine.set.get(4), stateOf(4));
  t.is(intake.bytes, 2 * 4 * 9);
  t.is(intake.largestBytes, 4 * 9);
});

test('tensor by tensor it is the same', async (t) => {
  const engine = anEngine();
  const intake = new StateIntake(description, [3]);
  for (const [slot, { name, shape, data }] of stateOf(3).entries()) {
    const meta = { kind: 'state-down', step: 7, microBatch: 3, slot, name, shape, dtype: 'float32' } as const;
    intake.take(arriving(meta, data));
  }
  await intake.giveTo(engine, signal);
  t.deepEqual(engine.set.get(3), stateOf(3));
});

test('a block that nobody waits for, or of another length, is refused by name', async (t) => {
  for (const [microBatch, length] of [
    [5, 9],
    [3, 8],
  ] as const) {
    const intake = new StateIntake(description, [3]);
    const meta = { kind: 'state-down', step: 7, microBatch, slot: 0, shape: [length], dtype: 'float32' } as const;
    intake.take(arriving(meta, new Float32Array(length)));
    await t.throwsAsync(intake.giveTo(anEngine(), signal), { code: 'TENSOR_UNEXPECTED', message: /board1/ });
  }
});
