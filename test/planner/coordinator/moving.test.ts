import test from 'ava';
import { apply, type FleetState, initialState } from '../../../planner/coordinator/index.ts';
import { createRig, lossOf, type Rig, someSettings, until } from './fake-fleet.ts';

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
  await until('the change is decided', () => stateOf(rig).run?.move !== undefined);
  stop.open();
  const result = await running;
  t.deepEqual(result.losses, steps(60).map(lossOf));
  t.deepEqual(boardsOf(rig), ['pi-1']);
  const [recovery] = result.recoveries;
  t.is(recovery?.step, recovery?.fromStep);
  t.regex(recovery!.reason, /pi-2 is being drained/);
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
    t.is(stateOf(rig).run?.move, undefined, `after ${second} s`);
    for (const board of rig.boards) await board.beat();
    await until('the beat is heard', () => stateOf(rig).boards.get('pi-2')?.beatAt === rig.clock.now());
    if (second < 5) rig.clock.advance(1);
  }
  await until('the change is decided', () => stateOf(rig).run?.move !== undefined);
  second.open();
  const result = await running;
  t.deepEqual(result.losses, steps(60).map(lossOf));
  t.deepEqual(boardsOf(rig), ['pi-1', 'pi-2']);
});
