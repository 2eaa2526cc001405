import test from 'ava';
import { Inbox } from '../../../agent/runtime/inbox.ts';
import { isPending, receivedTensor } from './support.ts';

const never = new AbortController().signal;

test('a tensor that waits is taken, and is not released by the inbox', async (t) => {
  const inbox = new Inbox(4);
  const tensor = receivedTensor();
  inbox.put(tensor);
  t.is(await inbox.take('activation', 0, 0, never), tensor);
  t.is(tensor.releases, 0);
});

test('whoever waits gets the tensor when it arrives', async (t) => {
  const inbox = new Inbox(4);
  const taken = inbox.take('gradient', 3, 1, never);
  t.true(await isPending(taken));
  const tensor = receivedTensor({ kind: 'gradient', step: 3, microBatch: 1 });
  inbox.put(tensor);
  t.is(await taken, tensor);
});

test('tensors are told apart by kind, step, micro-batch and slot, not by the order of arrival', async (t) => {
  const inbox = new Inbox(8);
  const metas = [
    { kind: 'activation', step: 1, microBatch: 1, slot: 0 },
    { kind: 'gradient', step: 0, microBatch: 1, slot: 0 },
    { kind: 'activation', step: 0, microBatch: 1, slot: 2 },
    { kind: 'activation', step: 0, microBatch: 0, slot: 0 },
    { kind: 'activation', step: 0, microBatch: 1, slot: 0 },
  ] as const;
  for (const meta of metas) inbox.put(receivedTensor(meta));
  for (const meta of metas.toReversed()) {
    const { kind, step, microBatch, slot } = meta;
    t.like(await inbox.take(kind, step, microBatch, never, slot), { meta });
  }
  t.deepEqual(inbox.refused, { duplicate: 0, full: 0 });
});

test('a tensor that lies here already is refused, counted and released', async (t) => {
  const inbox = new Inbox(4);
  const first = receivedTensor();
  const second = receivedTensor();
  inbox.put(first);
  inbox.put(second);
  t.deepEqual(inbox.refused, { duplicate: 1, full: 0 });
  t.deepEqual([first.releases, second.releases], [0, 1]);
  t.is(await inbox.take('activation', 0, 0, never), first);
});

test('a tensor that was taken before is refused, whether it had waited or not', async (t) => {
  const inbox = new Inbox(4);
  inbox.put(receivedTensor());
  await inbox.take('activation', 0, 0, never);
  const awaited = inbox.take('activation', 0, 1, never);
  inbox.put(receivedTensor({ microBatch: 1 }));
  await awaited;
  const again = [receivedTensor(), receivedTensor({ microBatch: 1 })];
  for (const tensor of again) inbox.put(tensor);
  t.deepEqual(inbox.refused, { duplicate: 2, full: 0 });
  t.deepEqual(
    again.map(({ releases }) => releases),
    [1, 1],
  );
});

test('what was taken in the step before is still known, after steps of it are forgotten', async (t) => {
  const inbox = new Inbox(4);
  for (const step of [4, 5]) {
    inbox.put(receivedTensor({ step }));
    await inbox.take('activation', step, 0, never);
  }
  inbox.forgetBefore(5);
  inbox.put(receivedTensor({ step: 5 }));
  t.deepEqual(inbox.refused, { duplicate: 1, full: 0 });
});

test('more than its capacity is refused, counted and released; what somebody waits for never is', async (t) => {
  const inbox = new Inbox(2);
  const awaited = inbox.take('labels', 0, 0, never);
  for (const microBatch of [0, 1]) inbox.put(receivedTensor({ microBatch }));
  const tooMuch = receivedTensor({ microBatch: 2 });
  inbox.put(tooMuch);
  t.deepEqual(inbox.refused, { duplicate: 0, full: 1 });
  t.is(tooMuch.releases, 1);
  const labels = receivedTensor({ kind: 'labels' });
  inbox.put(labels);
  t.is(await awaited, labels);
});

test('a tensor that was refused for want of room is taken in when it comes again', async (t) => {
  const inbox = new Inbox(1);
  inbox.put(receivedTensor());
  inbox.put(receivedTensor({ microBatch: 1 }));
  await inbox.take('activation', 0, 0, never);
  inbox.put(receivedTensor({ microBatch: 1 }));
  t.like(await inbox.take('activation', 0, 1, never), { meta: { microBatch: 1 } });
  t.deepEqual(inbox.refused, { duplicate: 0, full: 1 });
});

test('an abort ends the waiting with its reason, and the tensor is kept for the next who asks', async (t) => {
  const inbox = new Inbox(4);
  const stopping = new AbortController();
  const taken = inbox.take('activation', 0, 0, stopping.signal);
  const reason = new Error('the run was stopped');
  stopping.abort(reason);
  t.is(await t.throwsAsync(taken), reason);
  t.is(await t.throwsAsync(inbox.take('activation', 0, 0, stopping.signal)), reason);
  const tensor = receivedTensor();
  inbox.put(tensor);
  t.is(await inbox.take('activation', 0, 0, never), tensor);
});

test('closing rejects whoever waits or asks later, and releases what nobody took', async (t) => {
  const inbox = new Inbox(4);
  const lying = receivedTensor();
  inbox.put(lying);
  const waiting = inbox.take('gradient', 0, 0, never);
  const reason = new Error("the link to board 'board2' broke");
  inbox.close(reason);
  t.is(await t.throwsAsync(waiting), reason);
  t.is(await t.throwsAsync(inbox.take('activation', 0, 0, never)), reason);
  t.is(lying.releases, 1);
});

test('a tensor that arrives after closing is released at once', (t) => {
  const inbox = new Inbox(4);
  inbox.close(new Error('the run has ended'));
  const late = receivedTensor();
  inbox.put(late);
  t.is(late.releases, 1);
});

test('the first reason for closing stays', async (t) => {
  const inbox = new Inbox(4);
  const first = new Error('a link broke');
  inbox.close(first);
  inbox.close(new Error('the run has ended'));
  t.is(await t.throwsAsync(inbox.take('activation', 0, 0, never)), first);
});
