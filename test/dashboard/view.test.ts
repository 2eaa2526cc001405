import test from 'ava';
import { createMessenger, silent } from '../../broker/index.ts';
import { eventText, heldStage, latestRuns, type Seen, see, standing, watchFleet } from '../../dashboard/index.ts';
import { startTestBroker, testFleet, until } from '../broker/helpers.ts';
import { metrics, NOW, online, phase, seen, training, viewOf } from './messages.ts';

const later = (seconds: number) => NOW + 1000 * seconds;
const beat = (id: string, seconds: number) => seen('deviceHeartbeat', id, { kind: 'beat', board: id }, seconds);

test('boards of the fleet file are there before anything was heard of them', (t) => {
  const { boards } = viewOf();
  t.deepEqual([...boards.keys()], ['pi-1', 'pi-2', 'pi-3']);
  t.is(standing(boards.get('pi-1')!, NOW), 'unseen');
});

test('a board that is connected and sends no heartbeat any more is silent, until the next one', (t) => {
  const view = viewOf(online('pi-1'), beat('pi-1', 1));
  t.is(standing(view.boards.get('pi-1')!, later(4)), 'online');
  t.is(standing(view.boards.get('pi-1')!, later(6)), 'silent');
  t.is(standing(see(view, beat('pi-1', 7)).boards.get('pi-1')!, later(8)), 'online');
});

test('heartbeats of an earlier connection make nobody silent', (t) => {
  const view = viewOf(online('pi-1'), beat('pi-1', 1), online('pi-1', 60));
  t.is(standing(view.boards.get('pi-1')!, later(61)), 'online');
});

test('what a board held is nothing once it is lost', (t) => {
  const view = viewOf(online('pi-1'), training('pi-1', 0));
  t.like(heldStage(view.boards.get('pi-1')!), { kind: 'training', stage: 0, lastBlock: 1 });
  const gone = see(view, seen('deviceState', 'pi-1', { kind: 'lost', board: 'pi-1' }));
  t.is(standing(gone.boards.get('pi-1')!, NOW), 'lost');
  t.is(heldStage(gone.boards.get('pi-1')!), undefined);
});

test('a drained board keeps its mark through its coming and going, until it may serve again', (t) => {
  const drained = seen('deviceService', 'pi-1', { kind: 'drained', board: 'pi-1', reason: 'a new fan' });
  const view = viewOf(drained, online('pi-1'));
  t.is(view.boards.get('pi-1')!.drained, 'a new fan');
  const serving = see(view, seen('deviceService', 'pi-1', { kind: 'serving', board: 'pi-1' }));
  t.is(serving.boards.get('pi-1')!.drained, undefined);
});

test('boards that come and go are events; those that were there at first are not', (t) => {
  const lost = seen('deviceState', 'pi-1', { kind: 'lost', board: 'pi-1' }, 5);
  const { events } = viewOf(online('pi-1'), online('pi-1'), lost, online('pi-1', 9));
  t.deepEqual(
    events.map(({ at, about, what }) => [at, about, what]),
    [
      [later(5), 'pi-1', 'lost'],
      [later(9), 'pi-1', 'online'],
    ],
  );
});

test('a plan that is weighed again and again is one event', (t) => {
  const weighed = (step: number) =>
    seen('runEvents', 'mlp-1', { kind: 'event', run: 'mlp-1', what: 'weighed', detail: { step } }, step);
  const saved = seen('runEvents', 'mlp-1', {
    kind: 'event',
    run: 'mlp-1',
    what: 'checkpoint',
    detail: { step: 7, path: 'x' },
  });
  const { events } = viewOf(weighed(1), weighed(2), saved, weighed(3), weighed(4));
  t.deepEqual(
    events.map(({ at, what }) => [what, at]),
    [
      ['weighed', later(2)],
      ['checkpoint', NOW],
      ['weighed', later(4)],
    ],
  );
});

test('losses follow the steps; those of steps that are done again are replaced', (t) => {
  const { runs } = viewOf(metrics(0, 3), metrics(1, 2), metrics(2, 1), metrics(1, 2.5));
  t.deepEqual(runs.get('mlp-1')!.losses, [
    { step: 0, loss: 3 },
    { step: 1, loss: 2.5 },
  ]);
});

test('runs that go on come first; where none does, the one of which was heard last', (t) => {
  const other = seen('runState', 'old', { kind: 'state', run: 'old', term: 1, phase: 'over', step: 9 }, -60);
  const names = (...messages: Seen[]) => latestRuns(viewOf(...messages)).map(({ run }) => run);
  t.deepEqual(names(other, phase('training')), ['mlp-1']);
  t.deepEqual(names(other, phase('over')), ['mlp-1']);
  t.deepEqual(names(other), ['old']);
  t.deepEqual(names(), []);
});

test('a plan that cannot be read hides nothing else', (t) => {
  const view = viewOf(seen('runPlan', 'mlp-1', { kind: 'plan', run: 'mlp-1', term: 3, plan: { version: 99 } }));
  t.like(view.runs.get('mlp-1'), { term: 3, plan: undefined });
});

test('a picture stays small, however long it is looked at', (t) => {
  const event = (index: number) =>
    seen('runEvents', 'mlp-1', { kind: 'event', run: 'mlp-1', what: 'checkpoint', detail: { step: index, path: 'x' } });
  const many = Array.from({ length: 2000 }, (_, index) => index);
  const view = viewOf(...many.flatMap((index) => [metrics(index, 1), event(index)]));
  t.true(view.events.length <= 200);
  t.true(view.runs.get('mlp-1')!.losses.length <= 500);
  t.is(view.runs.get('mlp-1')!.losses.at(-1)!.step, 1999);
});

test('of many runs the latest are seen, and those that go on', (t) => {
  const said = (index: number, phase: string) =>
    seen('runState', `mlp-${index}`, { kind: 'state', run: `mlp-${index}`, term: 1, phase, step: 9 }, index);
  const { runs } = viewOf(said(0, 'training'), ...Array.from({ length: 60 }, (_, index) => said(index + 1, 'over')));
  t.true(runs.size <= 20);
  t.true(runs.has('mlp-0') && runs.has('mlp-60'));
});

test('events are told in words, and those that nobody knows as they came', (t) => {
  t.is(eventText('recovering', { text: 'pi-2 was lost.\nGoing on.' }), 'pi-2 was lost. Going on.');
  const weighed = { step: 5, stepSeconds: 0.5, bestStepSeconds: 0.4, moveSeconds: 3, worthIt: false };
  t.is(eventText('weighed', weighed), 'a step takes 500 ms, the best plan 400 ms, moving 3.00 s: not worth it');
  t.is(eventText('planned', { term: 2, boards: ['a', 'b'] }), 'plan 2 on a, b');
  t.is(eventText('finished', { reason: 'finished' }), '');
  t.is(eventText('toString', { a: 1 }), '{"a":1}');
});

test('what the hub has kept is seen by those who come late', async (t) => {
  const fleet = testFleet();
  const hub = await startTestBroker(fleet, 'hub');
  t.teardown(() => hub.close());
  const messengerOf = (id: string) =>
    createMessenger({ channel: hub, identity: fleet.identity(id), keyring: fleet.keyring, log: silent });
  await messengerOf('pi-1').publish('deviceStage', { id: 'pi-1' }, { kind: 'idle', board: 'pi-1', since: 'now' });
  await messengerOf('hub').publish(
    'runState',
    { run: 'r' },
    { kind: 'state', run: 'r', term: 1, phase: 'over', step: 4 },
  );
  const heard: Seen[] = [];
  await watchFleet(messengerOf('pi-2'), (message) => heard.push(message));
  await until('both', () => heard.length === 2);
  t.deepEqual(
    heard.map(({ topic, id }) => [topic, id]),
    [
      ['deviceStage', 'pi-1'],
      ['runState', 'r'],
    ],
  );
  t.true(heard.every(({ saidAt, heardAt }) => saidAt !== undefined && heardAt >= saidAt));
});
