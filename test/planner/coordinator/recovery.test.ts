import test from 'ava';
import {
  apply,
  type FleetState,
  initialState,
  NotEnoughBoardsError,
  RunFailedError,
} from '../../../planner/coordinator/index.ts';
import { type Act, createRig, lossOf, type Rig, someSettings, until } from './fake-fleet.ts';

const stateOf = (rig: Rig): FleetState => rig.events.reduce(apply, initialState);
const recovering = (overrides = {}) =>
  someSettings({ onLoss: 'recover', steps: 12, checkpointEverySteps: 4, ...overrides });
const dieAt = (at: number) => ({ beforeStep: (step: number): Act => (step === at ? 'die' : 'compute') });
const steps = (count: number) => Array.from({ length: count }, (_, step) => step);

test('a run whose board is lost goes on from the last captured step on the boards that are left', async (t) => {
  const rig = await createRig(recovering(), [{}, dieAt(7)]);
  const notices: string[] = [];
  const announced: number[] = [];
  const result = await rig.run({
    onNotice: (text) => notices.push(text),
    onProgress: ({ step }) => announced.push(step),
  });
  t.is(result.reason, 'finished');
  t.deepEqual(result.losses, steps(12).map(lossOf));
  t.deepEqual(
    announced,
    steps(12).map((step) => step + 1),
    'no step is told twice',
  );
  t.is(result.term, 2);
  t.deepEqual(
    result.plan?.stages.map(({ board }) => board),
    ['pi-1'],
  );
  const [recovery] = result.recoveries;
  t.like(recovery, { term: 2, fromStep: 4, step: 7 });
  t.true(recovery!.caughtUpAt !== undefined && recovery!.trainingAt !== undefined);
  t.regex(notices[0]!, /pi-2 \(stage 1\) was lost.* at step 7.*Going on from step 4 of 7 done, with plan 2/);
  // A fake board's state is the steps it has done: what it was given at step 4, and 12 of this term.
  t.true([...result.tensors.values()].every(({ data }) => data.every((value) => value === 4 + 12)));
  t.true('pi-2' in result.perBoard);
});

test('a board that is lost before anything was captured sends the run back to its beginning', async (t) => {
  const rig = await createRig(recovering(), [{}, dieAt(2)]);
  const result = await rig.run();
  t.deepEqual(result.losses, steps(12).map(lossOf));
  t.like(result.recoveries[0], { fromStep: 0, step: 2 });
});

test('a state that is held in memory spares steps, and is no checkpoint', async (t) => {
  const rig = await createRig(recovering({ checkpointEverySteps: 0, replicateEverySteps: 2 }), [{}, dieAt(7)]);
  const result = await rig.run();
  t.deepEqual(result.losses, steps(12).map(lossOf));
  t.like(result.recoveries[0], { fromStep: 6, step: 7 });
  t.deepEqual(
    rig.checkpoints.map(({ state }) => state.step),
    [12],
  );
});

test('what boards say of an old term changes nothing', async (t) => {
  const rig = await createRig(recovering({ steps: 100 }), [{}, dieAt(5)]);
  const running = rig.run();
  await until('the run goes on', () => (stateOf(rig).run?.recoveries[0]?.caughtUpAt ?? 0) > 0);
  const old = { run: 'run-1', term: 1, stage: 0 };
  await rig.boards[0]!.report({ kind: 'failed', ...old, step: 5, error: { code: 'LINK_LOST', message: 'late' } });
  t.is((await running).recoveries.length, 1);
  t.true((stateOf(rig).ignored['other-term'] ?? 0) > 0);
});

test('a run with no board left pauses with its reason, and goes on when one returns', async (t) => {
  const rig = await createRig(recovering(), [{}, dieAt(7)]);
  const notices: string[] = [];
  const running = rig.run({ onNotice: (text) => notices.push(text) });
  await until('the run goes on alone', () => stateOf(rig).run?.request.term === 2);
  await rig.boards[0]!.die();
  await until('the run is paused', () => stateOf(rig).run?.paused !== undefined);
  t.regex(notices.at(-1)!, /waits for boards: no board of the run is online/);
  await rig.boards[1]!.comeBack();
  const result = await running;
  t.deepEqual(result.losses, steps(12).map(lossOf));
  t.is(result.recoveries.length, 2);
});

test('a paused run whose boards stay away ends at its deadline', async (t) => {
  const rig = await createRig(recovering({ boards: 1, deadlines: { boardsBack: 60 } }), [dieAt(7)]);
  const failed = t.throwsAsync(rig.run(), { instanceOf: NotEnoughBoardsError });
  await until('the run is paused', () => stateOf(rig).run?.paused !== undefined);
  rig.clock.advance(60);
  await failed;
});

test('the same error twice without a step between ends the run; after a step it does not', async (t) => {
  const failing = { code: 'ENGINE_FAILED', message: 'out of luck' };
  const always = { beforeStep: (step: number): Act => (step === 5 ? failing : 'compute') };
  const error = await t.throwsAsync((await createRig(recovering(), [{}, always])).run(), {
    instanceOf: RunFailedError,
  });
  t.is(error.reported, 'ENGINE_FAILED');
  let times = 0;
  const once = { beforeStep: (step: number): Act => (step === 5 && times++ === 0 ? failing : 'compute') };
  const result = await (await createRig(recovering(), [{}, once])).run();
  t.deepEqual(result.losses, steps(12).map(lossOf));
});

test('a board whose heartbeats stay out is missed, and heard again when one comes', async (t) => {
  const rig = await createRig(recovering({ steps: 12 }), [
    {},
    { beforeStep: (step) => (step === 6 ? 'fall-silent' : 'compute') },
  ]);
  const running = rig.run();
  for (const board of rig.boards) await board.beat();
  await until('the other board has used its grant up', () => stateOf(rig).run?.stages[0]?.step === 8);
  for (let second = 0; second < 5; second += 1) {
    await rig.boards[0]!.beat();
    await until('the beat is heard', () => stateOf(rig).boards.get('pi-1')?.beatAt === rig.clock.now());
    rig.clock.advance(1);
  }
  const result = await running;
  t.deepEqual(result.losses, steps(12).map(lossOf));
  t.regex(result.recoveries[0]!.reason, /pi-2 \(stage 1\) gave no sign of life for 4 s/);
  t.true(stateOf(rig).boards.get('pi-2')?.silent);
});

test('a hub that has slept holds it against no board', async (t) => {
  const rig = await createRig(recovering({ deadlines: { silence: 1000 } }), [{}, { prepares: false }]);
  const interrupt = new AbortController();
  const running = rig.run({ interrupt: interrupt.signal });
  for (const board of rig.boards) await board.beat();
  await until('the beats are heard', () =>
    [...stateOf(rig).boards.values()].every(({ beatAt }) => beatAt !== undefined),
  );
  rig.clock.advance(60);
  await until('the hub has woken', () => stateOf(rig).now === rig.clock.now());
  interrupt.abort();
  t.is((await running).recoveries.length, 0);
});

test('the log of events gives the state of a run that recovered again', async (t) => {
  const rig = await createRig(recovering(), [{}, dieAt(7)]);
  const result = await rig.run();
  const { run } = structuredClone(rig.events).reduce(apply, initialState);
  t.deepEqual(run?.losses, result.losses);
  t.deepEqual(run?.recoveries, result.recoveries);
});

const named = { boards: ['pi-1', 'pi-2', 'pi-3'], deadlines: { boardsOnline: 10 } };

test('a run that nobody attends to begins with the boards that are there', async (t) => {
  const rig = await createRig(recovering({ ...named, unattended: true, term: 7 }), [{}, {}]);
  const notices: string[] = [];
  const running = rig.run({ onNotice: (text) => notices.push(text) });
  await until('the run has begun', () => stateOf(rig).run !== undefined);
  rig.clock.advance(11);
  const result = await running;
  t.deepEqual(
    result.plan?.stages.map(({ board }) => board),
    ['pi-1', 'pi-2'],
  );
  t.deepEqual(result.losses, steps(12).map(lossOf));
  t.is(result.term, 8, 'no plan has a term that another run may have asked boards in');
  t.regex(notices[0]!, /not all boards were there after 10 s\. Going on from step 0, with plan 8/);
});

test('a run that somebody attends to ends where a board is not there', async (t) => {
  const rig = await createRig(recovering(named), [{}, {}]);
  const running = rig.run();
  await until('the run has begun', () => stateOf(rig).run !== undefined);
  rig.clock.advance(11);
  await t.throwsAsync(running, { instanceOf: NotEnoughBoardsError });
});

test('a command that cannot be sent for a while does not end the run', async (t) => {
  const rig = await createRig(recovering());
  const { messenger } = rig.needs;
  let refused = 0;
  const publish: typeof messenger.publish = async (name, params, message, signal) => {
    if (name === 'deviceCommand' && (message as { readonly kind: string }).kind === 'grant' && refused++ === 0) {
      throw Object.assign(new Error('the broker is away'), { code: 'DEADLINE' });
    }
    return messenger.publish(name, params, message, signal);
  };
  const running = rig.run({ messenger: { ...messenger, publish } });
  await until('a grant was refused', () => refused > 0 && stateOf(rig).run?.phase === 'training');
  rig.clock.advance(121);
  const result = await running;
  t.deepEqual(result.losses, steps(12).map(lossOf));
  t.is(result.recoveries.length, 1);
});

test('three boards: one that is lost is made up for by its neighbour, two neighbours by the hub', async (t) => {
  const three = recovering({ checkpointEverySteps: 0, replicateEverySteps: 3, captureEverySteps: 4, boards: 3 });
  const one = await (await createRig(three, [{}, dieAt(7), {}])).run();
  t.deepEqual(one.losses, steps(12).map(lossOf));
  t.deepEqual(
    one.recoveries.map(({ fromStep, heldBy }) => [fromStep, heldBy]),
    [[6, 'boards']],
  );
  // A fake board's state is the steps it has done: what it was given, and 12 of this term.
  t.true([...one.tensors.values()].every(({ data }) => data.every((value) => value === 6 + 12)));
  const two = await (await createRig(three, [{}, dieAt(7), dieAt(7)])).run();
  t.deepEqual(two.losses, steps(12).map(lossOf));
  t.like(two.recoveries.at(-1), { fromStep: 4, heldBy: 'hub' });
});

test('where a board has no room to hold others’ state the run says so, and the hub holds it as often', async (t) => {
  const settings = recovering({ checkpointEverySteps: 0, replicateEverySteps: 2 });
  const { plan } = await (await createRig(settings)).run();
  const memoryBytes = Math.max(...plan!.stages.map((stage) => stage.memoryBytes));
  const rig = await createRig(settings, [{ memoryBytes }, { memoryBytes, ...dieAt(7) }]);
  const notices: string[] = [];
  const result = await rig.run({ onNotice: (text) => notices.push(text) });
  t.regex(notices[0]!, /pi-\d would need \d+ MB of \d+ MB to hold others' state as well: only the hub holds state/);
  t.is(result.recoveries[0]?.fromStep, 6);
});
