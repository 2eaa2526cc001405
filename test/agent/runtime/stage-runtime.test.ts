import test from 'ava';
import { BufferPool, plainCodecs } from '../../../agent/index.ts';
import { Inbox } from '../../../agent/runtime/inbox.ts';
import { runStep } from '../../../agent/runtime/stage-runtime.ts';
import type { FrameKind } from '../../../broker/index.ts';
import { scheduleNames } from '../../../planner/index.ts';
import {
  callSeconds,
  isPending,
  memoryLink,
  pipeline,
  receivedTensor,
  samplesPerMicroBatch,
  settle,
  stageNeeds,
} from './support.ts';

const never = new AbortController().signal;

/** What the loss of micro-batch k is behind `stages - 1` fake stages that double: 6 images of 1 + k, labels 10 k, 10 k + 1. */
const expectedLoss = (microBatch: number, stages: number) =>
  6 * (1 + microBatch) * 2 ** (stages - 1) + 20 * microBatch + 1;
const mean = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

/** Runs one step and waits until it can go no further by itself; a later rejection is the test's to look at. */
async function begin(needs: Parameters<typeof runStep>[0], step = 0, signal: AbortSignal = never) {
  const running = runStep(needs, step, signal);
  running.catch(() => {});
  await settle();
  return { running };
}

test('one stage alone reads its samples, computes the mean loss and updates at the rate of the step', async (t) => {
  const needs = stageNeeds();
  const { loss } = await runStep(needs, 4, never);
  t.is(loss, mean([expectedLoss(0, 1), expectedLoss(1, 1)]));
  t.deepEqual(needs.engine.calls, ['FB0', 'FB1', 'U']);
  t.deepEqual(needs.engine.updates, [{ step: 4, rate: 0.1 / 5, scale: 1 }]);
  t.deepEqual([...needs.engine.labels.get(1)!], [10, 11]);
});

for (const schedule of scheduleNames) {
  for (const stages of [2, 3]) {
    test(`${stages} stages compute the loss of all of them under ${schedule}; only the last one knows it`, async (t) => {
      const boards = pipeline(stages, { schedule, microBatches: 4 });
      const outcomes = await Promise.all(boards.map((needs) => runStep(needs, 0, never)));
      const expected = mean([0, 1, 2, 3].map((microBatch) => expectedLoss(microBatch, stages)));
      t.deepEqual(
        outcomes.map(({ loss }) => loss),
        [...Array(stages - 1).fill(null), expected],
      );
      for (const { engine } of boards) t.is(engine.calls.at(-1), 'U');
    });

    test(`every stage of ${stages} gets the gradient of its own output under ${schedule}`, async (t) => {
      const boards = pipeline(stages, { schedule, microBatches: 2, fake: { loss: () => 1 } });
      await Promise.all(boards.map((needs) => runStep(needs, 0, never)));
      for (const [index, { engine }] of boards.slice(0, -1).entries()) {
        // Stages behind it double what the loss stage sends: 1 + k where it is fused, 2 where backward stands alone.
        const fused = boards.at(-1)!.engine.calls.includes('FB0');
        const factor = 2 ** (stages - 2 - index);
        for (const microBatch of [0, 1]) {
          const sent = fused ? 1 + microBatch : 2;
          t.deepEqual(engine.outputGradients.get(microBatch), Array(6).fill(sent * factor));
        }
      }
    });
  }
}

test('labels go from the first stage straight to the last one, and nowhere else', async (t) => {
  const boards = pipeline(3);
  await Promise.all(boards.map((needs) => runStep(needs, 0, never)));
  const [first, middle, last] = boards;
  const kindsOf = (link: unknown) => (link as ReturnType<typeof memoryLink>).sent.map(({ meta }) => meta.kind);
  t.deepEqual(kindsOf(first!.loss), ['labels', 'labels']);
  t.deepEqual(kindsOf(first!.next), ['activation', 'activation']);
  t.deepEqual(kindsOf(middle!.next), ['activation', 'activation']);
  t.deepEqual(kindsOf(middle!.previous), ['gradient', 'gradient']);
  t.deepEqual([...last!.engine.labels.get(0)!], [0, 1]);
  t.deepEqual([...last!.engine.labels.get(1)!], [10, 11]);
});

type Arrival = readonly [kind: FrameKind, microBatch: number];

/** All that a loss stage receives in one step of two micro-batches. */
const inOrder: readonly Arrival[] = [
  ['activation', 0],
  ['labels', 0],
  ['activation', 1],
  ['labels', 1],
];

/** An inbox in which tensors have come in this order. */
function filledInbox(order: readonly Arrival[]): Inbox {
  const inbox = new Inbox(8);
  for (const [kind, microBatch] of order) {
    inbox.put(kind === 'labels' ? labelsOf(microBatch) : activationOf(microBatch));
  }
  return inbox;
}

const activationOf = (microBatch: number) => receivedTensor({ microBatch }, new Float32Array(6).fill(1 + microBatch));
const labelsOf = (microBatch: number) =>
  receivedTensor(
    { kind: 'labels', dtype: 'int32', microBatch, shape: [samplesPerMicroBatch] },
    Int32Array.of(10 * microBatch, 10 * microBatch + 1),
  );

/** The last of two stages. */
const lossStage = { index: 1, stages: 2 } as const;

test('tensors that arrive in another order than they are asked for give the same loss', async (t) => {
  const outcomes = [];
  for (const order of [inOrder, inOrder.toReversed()]) {
    const inbox = filledInbox(order);
    outcomes.push(await runStep(stageNeeds({ ...lossStage, inbox, previous: memoryLink() }), 0, never));
  }
  t.is(outcomes[0]!.loss, mean([expectedLoss(0, 1), expectedLoss(1, 1)]));
  t.is(outcomes[1]!.loss, outcomes[0]!.loss);
});

test('labels are released once they were read; the memory of raw activations is kept, for the engine', async (t) => {
  const inbox = new Inbox(8);
  const tensors = [activationOf(0), activationOf(1), labelsOf(0), labelsOf(1)];
  for (const tensor of tensors) inbox.put(tensor);
  await runStep(stageNeeds({ ...lossStage, inbox, previous: memoryLink() }), 0, never);
  t.deepEqual(
    tensors.map(({ isKept, releases }) => [isKept, releases]),
    [
      [true, 0],
      [true, 0],
      [false, 1],
      [false, 1],
    ],
  );
});

test('the memory of what was sent is given back when it is out, and not before', async (t) => {
  const open = Promise.withResolvers<void>();
  const next = memoryLink({ gate: () => open.promise });
  const needs = stageNeeds({ stages: 2, schedule: 'gpipe', next });
  const { running } = await begin(needs);
  t.deepEqual(needs.memory.givenBack, []);
  open.resolve();
  await settle();
  t.deepEqual(
    needs.memory.givenBack.map(({ byteLength }) => byteLength),
    next.sent.map(({ bytes }) => bytes.byteLength),
  );
  t.true(await isPending(running));
});

test('a tensor is decoded as its frame says, whatever codec this stage sends with', async (t) => {
  const { bfloat16 } = plainCodecs;
  const inbox = filledInbox([
    ['labels', 0],
    ['labels', 1],
  ]);
  const codec = { id: bfloat16.id, params: bfloat16.params };
  const encoded16 = (value: number) =>
    bfloat16.encode(new Float32Array(6).fill(value), { memory: new BufferPool(), seed: 0 }).payload;
  const encoded = [0, 1].map((microBatch) => receivedTensor({ microBatch, codec }, encoded16(1 + microBatch)));
  for (const tensor of encoded) inbox.put(tensor);
  const previous = memoryLink();
  const { loss } = await runStep(stageNeeds({ ...lossStage, inbox, previous }), 0, never);
  t.is(loss, mean([expectedLoss(0, 1), expectedLoss(1, 1)]));
  t.deepEqual(
    encoded.map(({ isKept, releases }) => [isKept, releases]),
    [
      [false, 1],
      [false, 1],
    ],
    'the values have memory of their own, so the payload goes back to its link',
  );
  t.deepEqual(
    previous.sent.map(({ meta }) => meta.codec?.id),
    [plainCodecs.float32.id, plainCodecs.float32.id],
  );
});

test('a tensor of another shape is named with its board and both shapes, and released', async (t) => {
  const strange = receivedTensor({ shape: [3, 2] });
  const inbox = new Inbox(8);
  inbox.put(strange);
  await t.throwsAsync(runStep(stageNeeds({ ...lossStage, inbox, previous: memoryLink() }), 0, never), {
    code: 'TENSOR_UNEXPECTED',
    message: /activation from board 'board1': shape \[3, 2\], not \[2, 3\]/,
  });
  t.is(strange.releases, 1);
});

const strangeLabels = {
  'labels of another number': () =>
    receivedTensor({ kind: 'labels', dtype: 'int32', shape: [3] }, Int32Array.of(1, 2, 3)),
  'labels of another type': () => receivedTensor({ kind: 'labels', shape: [2] }, Float32Array.of(1, 2)),
};

for (const [what, make] of Object.entries(strangeLabels)) {
  test(`${what} are named with their board, and released`, async (t) => {
    const inbox = filledInbox([['activation', 0]]);
    const labels = make();
    inbox.put(labels);
    await t.throwsAsync(runStep(stageNeeds({ ...lossStage, inbox, previous: memoryLink() }), 0, never), {
      code: 'TENSOR_UNEXPECTED',
      message: /labels from board 'board1': \d+ bytes for 2 labels/,
    });
    t.is(labels.releases, 1);
  });
}

test('a payload that is too short for its shape is refused by the codec', async (t) => {
  const inbox = new Inbox(8);
  inbox.put(receivedTensor({}, new Float32Array(5)));
  await t.throwsAsync(runStep(stageNeeds({ ...lossStage, inbox, previous: memoryLink() }), 0, never), {
    code: 'CODEC_LENGTH',
    message: /6 values take 24 bytes, the payload has 20/,
  });
});

for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
  for (const schedule of scheduleNames) {
    test(`a loss that is ${bad} ends a step of ${schedule} before its update, with step and micro-batch`, async (t) => {
      const loss = ({ microBatch }: { microBatch: number }) => (microBatch === 1 ? bad : 0.5);
      const needs = stageNeeds({ schedule, fake: { loss } });
      await t.throwsAsync(runStep(needs, 7, never), {
        code: 'LOSS_NOT_FINITE',
        message: new RegExp(`${bad} at step 7, micro-batch 1`),
      });
      t.false(needs.engine.calls.includes('U'), needs.engine.calls.join(' '));
    });
  }
}

test('sends go on beside the computation: a stage computes while its first activation is still on the way', async (t) => {
  const open = Promise.withResolvers<void>();
  const next = memoryLink({ gate: () => open.promise });
  const needs = stageNeeds({ stages: 2, schedule: 'gpipe', next });
  const { running } = await begin(needs);
  t.deepEqual(needs.engine.calls, ['F0', 'F1']);
  t.is(next.sent.length, 2);
  t.true(await isPending(running));
  open.resolve();
});

test('a step ends only when everything it sends is out', async (t) => {
  const open = Promise.withResolvers<void>();
  const inbox = filledInbox(inOrder);
  const needs = stageNeeds({ ...lossStage, inbox, previous: memoryLink({ gate: () => open.promise }) });
  const { running } = await begin(needs);
  t.deepEqual(needs.engine.calls, ['FB0', 'FB1', 'U']);
  t.true(await isPending(running));
  open.resolve();
  t.is((await running).loss, mean([expectedLoss(0, 1), expectedLoss(1, 1)]));
});

test('a send that fails ends the step, also while it waits for what would answer it', async (t) => {
  const failed = Promise.withResolvers<void>();
  const next = memoryLink({ gate: () => failed.promise });
  const needs = stageNeeds({ stages: 2, next });
  const { running } = await begin(needs);
  t.true(await isPending(running), 'it waits for the gradient of micro-batch 0');
  const error = new Error('the link broke');
  failed.reject(error);
  t.is(await t.throwsAsync(running), error);
  t.false(needs.engine.calls.includes('U'));
});

test('labels that cannot be sent end the step as well', async (t) => {
  const error = new Error('the link to the loss stage broke');
  const loss = memoryLink({ gate: () => Promise.reject(error) });
  const needs = stageNeeds({ stages: 3, next: memoryLink(), loss });
  t.is(await t.throwsAsync(runStep(needs, 0, never)), error);
});

test('a send that fails after the last instruction still fails the step', async (t) => {
  const failed = Promise.withResolvers<void>();
  const inbox = filledInbox(inOrder);
  const needs = stageNeeds({ ...lossStage, inbox, previous: memoryLink({ gate: () => failed.promise }) });
  const { running } = await begin(needs);
  t.is(needs.engine.calls.at(-1), 'U');
  const error = new Error('the link broke');
  failed.reject(error);
  t.is(await t.throwsAsync(running), error);
});

test('an abort ends a step that waits for a tensor, with its reason, and reaches the sends', async (t) => {
  const stopping = new AbortController();
  const signals: AbortSignal[] = [];
  const next = memoryLink({
    gate: async (_tensor, signal) => {
      signals.push(signal!);
    },
  });
  const { running } = await begin(stageNeeds({ stages: 2, next }), 0, stopping.signal);
  t.true(await isPending(running));
  const reason = new Error('the run was stopped');
  stopping.abort(reason);
  t.is(await t.throwsAsync(running), reason);
  t.true(signals.length > 0);
  for (const signal of signals) t.is(signal.reason, reason);
});

test('a step that is aborted before it begins computes nothing', async (t) => {
  const needs = stageNeeds();
  const reason = new Error('the run was stopped');
  t.is(await t.throwsAsync(runStep(needs, 0, AbortSignal.abort(reason))), reason);
  t.deepEqual(needs.engine.calls, []);
});

test('an inbox that is closed ends the step with the reason', async (t) => {
  const needs = stageNeeds({ stages: 2, next: memoryLink() });
  const { running } = await begin(needs);
  const reason = new Error("the link to board 'board2' broke");
  needs.inbox.close(reason);
  t.is(await t.throwsAsync(running), reason);
});

test('clipping: the norms are told before the update, which gets the factor that comes back', async (t) => {
  const asked: { step: number; norms: readonly number[] }[] = [];
  const answer = Promise.withResolvers<number>();
  const gradientScale = (step: number, norms: readonly number[]) => {
    asked.push({ step, norms });
    return answer.promise;
  };
  const needs = stageNeeds({ fake: { norms: [4, 9] }, gradientScale });
  const { running } = await begin(needs, 3);
  t.deepEqual(asked, [{ step: 3, norms: [4, 9] }]);
  t.deepEqual(needs.engine.calls, ['FB0', 'FB1', 'N']);
  answer.resolve(0.5);
  await running;
  t.deepEqual(needs.engine.updates, [{ step: 3, rate: 0.1 / 4, scale: 0.5 }]);
});

test('a question about clipping that fails ends the step before its update', async (t) => {
  const reason = new Error('the run was stopped');
  const needs = stageNeeds({ gradientScale: () => Promise.reject(reason) });
  t.is(await t.throwsAsync(runStep(needs, 0, never)), reason);
  t.deepEqual(needs.engine.updates, []);
});

test('a send that fails while the hub is asked about clipping ends the waiting', async (t) => {
  const reason = new Error('the socket is gone');
  const sending = Promise.withResolvers<void>();
  const needs = stageNeeds({
    ...lossStage,
    inbox: filledInbox(inOrder),
    previous: { ...memoryLink(), send: () => sending.promise },
    gradientScale: (_step, _norms, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
  });
  const { running } = await begin(needs);
  sending.reject(reason);
  t.is(await t.throwsAsync(running), reason);
  t.deepEqual(needs.engine.updates, []);
});

test('computation is counted as the engine says, waiting by the clock', async (t) => {
  const needs = stageNeeds({ stages: 2, microBatches: 1, next: memoryLink() });
  const { running } = await begin(needs);
  await new Promise((resolve) => setTimeout(resolve, 20));
  needs.inbox.put(receivedTensor({ kind: 'gradient', from: 'board2' }));
  const { computeSeconds, waitSeconds } = await running;
  t.is(computeSeconds, 3 * callSeconds, 'F0, B0 and the update');
  t.true(waitSeconds >= 0.015, `${waitSeconds}`);
});

test('a gradient that comes twice is used once', async (t) => {
  const needs = stageNeeds({ stages: 2, microBatches: 1, next: memoryLink() });
  const { running } = await begin(needs);
  for (const value of [5, 7]) {
    needs.inbox.put(receivedTensor({ kind: 'gradient', from: 'board2' }, new Float32Array(6).fill(value)));
  }
  await running;
  t.deepEqual(needs.engine.outputGradients.get(0), Array(6).fill(5));
  t.deepEqual(needs.inbox.refused, { duplicate: 1, full: 0 });
});

test('steps follow each other on the same inbox', async (t) => {
  const boards = pipeline(2);
  for (const step of [0, 1, 2]) {
    const outcomes = await Promise.all(boards.map((needs) => runStep(needs, step, never)));
    t.is(outcomes[1]!.loss, mean([expectedLoss(0, 2), expectedLoss(1, 2)]));
  }
  t.deepEqual(boards[0]!.inbox.refused, { duplicate: 0, full: 0 });
  t.deepEqual(
    boards[1]!.engine.updates.map(({ step }) => step),
    [0, 1, 2],
  );
});
