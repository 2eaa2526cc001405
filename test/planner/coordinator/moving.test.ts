import test from 'ava';
import { apply, type FleetState, initialState, type RunSettings } from '../../../planner/coordinator/index.ts';
import { stepsDone } from '../../../planner/coordinator/state.ts';
import { createRig, lossOf, type Rig, type Script, someSettings, until } from './fake-fleet.ts';

const stateOf = (rig: Rig): FleetState => rig.events.reduce(apply, initialState);
const boardsOf = (rig: Rig) => stateOf(rig).run?.plan?.stages.map(({ board }) => board);
const steps = (count: number) => Array.from({ length: count }, (_, step) => step);

/** Boards that stop at a step until they are let go on, so that what happens there does not depend on speed. */
function gate(at: number): { readonly script: object; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { script: { waitBefore: (step: number) => (step === at ? promise : undefined) }, open: resolve };
}

test('a board that is drained gives its work away at a step boundary, and nothing is done again', async (t) => {
  const stop = gate(10);
  const rig = await createRig(someSettings({ onLoss: 'recover', steps: 60 }), [{}, stop.script]);
  const running = rig.run();
  const hub = rig.messengerOf('hub');
  await until('the boards stand at step 10', () => stateOf(rig).run?.stages[1]?.step === 10);
  await hub.publish('deviceService', { id: 'pi-2' }, { kind: 'drained', board: 'pi-2', reason: 'a new fan' });
  await until('the next plan is ready', () => stateOf(rig).run?.next?.phase === 'committed');
  stop.open();
  const result = await running;
  t.deepEqual(result.losses, steps(60).map(lossOf));
  t.deepEqual(boardsOf(rig), ['pi-1']);
  const [change] = result.recoveries;
  t.is(change?.step, change?.fromStep);
  t.regex(change!.reason, /pi-2 is being drained/);
  t.is(change?.movedBytes, 8);
  const again = structuredClone(rig.events).reduce(apply, initialState);
  t.deepEqual(again.run?.recoveries, result.recoveries);
});

/** Drains pi-2 of two boards while they stand at step 10, and lets them go on. */
async function draining(settings: Partial<RunSettings>, scripts: readonly Script[]) {
  const stop = gate(10);
  const rig = await createRig(someSettings({ onLoss: 'recover', steps: 60, ...settings }), [
    { ...stop.script, ...scripts[0] },
    ...scripts.slice(1),
  ]);
  const running = rig.run();
  await until('the boards stand at step 10', () => stateOf(rig).run?.stages[0]?.step === 10);
  await rig
    .messengerOf('hub')
    .publish('deviceService', { id: 'pi-2' }, { kind: 'drained', board: 'pi-2', reason: 'a new fan' });
  return { rig, running, open: stop.open };
}

const decisions = (rig: Rig) => rig.events.flatMap((event) => (event.kind === 'decided' ? [event.action.kind] : []));

test('a plan that a board cannot make ready leaves the old one training, and the term ends for the change instead', async (t) => {
  const full = { code: 'NO_MEMORY', message: 'no room for another stage' };
  const { rig, running, open } = await draining({}, [{ onPropose: () => full }, {}]);
  await until('it is given up', () => decisions(rig).includes('give-up'));
  t.is(stateOf(rig).run?.phase, 'training');
  t.is(stateOf(rig).run?.request.term, 1);
  open();
  const result = await running;
  t.deepEqual(result.losses, steps(60).map(lossOf));
  t.deepEqual(boardsOf(rig), ['pi-1']);
  t.deepEqual(
    result.recoveries.map(({ step, fromStep }) => step - fromStep),
    [0],
  );
  t.true(result.recoveries[0]!.term > 2);
});

test('a plan that is not ready in time is given up', async (t) => {
  const { rig, running, open } = await draining({ deadlines: { prepared: 7 } }, [
    { onPropose: () => 'fall-silent' },
    {},
  ]);
  await until('it is proposed', () => decisions(rig).includes('propose'));
  rig.clock.advance(8);
  await until('it is given up', () => decisions(rig).includes('give-up'));
  open();
  t.deepEqual((await running).losses, steps(60).map(lossOf));
});

test('a board that is lost while blocks change hands is a loss as any other', async (t) => {
  const { rig, running, open } = await draining({ replicateEverySteps: 5 }, [{}, { onHandover: () => 'die' }]);
  await until('boards are to change', () => decisions(rig).includes('commit'));
  open();
  const result = await running;
  t.deepEqual(result.losses, steps(60).map(lossOf));
  t.deepEqual(boardsOf(rig), ['pi-1']);
  t.true(decisions(rig).includes('recover'));
});

test('a board that is lost while the next plan is made ready ends the term, and what was made ready is forgotten', async (t) => {
  const { rig, running, open } = await draining({ replicateEverySteps: 5 }, [{}, { onPropose: () => 'die' }]);
  await until('the term is over', () => decisions(rig).includes('recover'));
  open();
  const result = await running;
  t.deepEqual(result.losses, steps(60).map(lossOf));
  t.false(decisions(rig).includes('commit'));
  t.is(stateOf(rig).run?.next, undefined);
});

test('while the next plan is made ready no step is granted that would keep the change waiting', async (t) => {
  const { rig, running, open } = await draining({ steps: 40 }, [{ onPropose: () => 'fall-silent' }, {}]);
  await until('it is proposed', () => decisions(rig).includes('propose'));
  open();
  await running;
  let state = initialState;
  let grants = 0;
  for (const event of rig.events) {
    const { run } = state;
    if (event.kind === 'decided' && event.action.kind === 'grant' && run?.next?.phase === 'building') {
      t.true(event.action.toStep <= stepsDone(run) + 1);
      grants += 1;
    }
    state = apply(state, event);
  }
  t.true(grants > 10);
});

test('a run that ends before the next plan is ready ends as it is', async (t) => {
  const { rig, running, open } = await draining({ steps: 24 }, [{ onPropose: () => 'fall-silent' }, {}]);
  await until('it is proposed', () => decisions(rig).includes('propose'));
  open();
  const result = await running;
  t.deepEqual(result.losses, steps(24).map(lossOf));
  t.true(decisions(rig).includes('give-up'));
  t.deepEqual(result.recoveries, []);
});

test('a board that is there again is taken in; one that was lost has to stay for a while before', async (t) => {
  const first = gate(10);
  const second = gate(30);
  const waitBefore = (step: number) =>
    (first.script as { waitBefore(step: number): Promise<void> | undefined }).waitBefore(step) ??
    (second.script as { waitBefore(step: number): Promise<void> | undefined }).waitBefore(step);
  const rig = await createRig(someSettings({ onLoss: 'recover', steps: 60, replicateEverySteps: 5 }), [
    { waitBefore },
    {},
  ]);
  const running = rig.run();
  await until('the boards stand at step 10', () => stateOf(rig).run?.stages[0]?.step === 10);
  await rig.boards[1]!.die();
  first.open();
  await until('the other stands at step 30', () => stateOf(rig).run?.stages[0]?.step === 30);
  t.deepEqual(boardsOf(rig), ['pi-1']);
  rig.clock.advance(1);
  await rig.boards[1]!.comeBack();
  for (let second = 0; second < 6; second += 1) {
    t.is(stateOf(rig).run?.next, undefined, `after ${second} s`);
    for (const board of rig.boards) await board.beat();
    await until('the beat is heard', () => stateOf(rig).boards.get('pi-2')?.beatAt === rig.clock.now());
    if (second < 5) rig.clock.advance(1);
  }
  await until('the change is decided', () => stateOf(rig).run?.next !== undefined);
  second.open();
  const result = await running;
  t.deepEqual(result.losses, steps(60).map(lossOf));
  t.deepEqual(boardsOf(rig), ['pi-1', 'pi-2']);
});
