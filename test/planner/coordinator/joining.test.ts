import test from 'ava';
import { apply, type FleetState, initialState, type RunSettings } from '../../../planner/coordinator/index.ts';
import type { SurveyWish } from '../../../planner/index.ts';
import { aBoardLike } from '../predictor/boards.ts';
import { createRig, lossOf, type Rig, type Script, until } from './fake-fleet.ts';
import { followedSettings, measuring, stepOn } from './measuring.ts';

const settings: RunSettings = {
  ...followedSettings,
  steps: 80,
  boards: ['pi-1', 'pi-2', 'pi-3'],
  comesLater: ['pi-3'],
  onLoss: 'recover',
};
const model = { ...settings.model, microBatch: 8 };
const slow = aBoardLike({ secondsPerFlop: 1e-7, secondsPerByte: 1e-7 });
const fast = aBoardLike({ secondsPerFlop: 1e-9 });

const trains = (board: typeof slow): Script => ({
  ...measuring(board),
  busySeconds: (_, stage) => stepOn(board, model, settings.microBatches, stage),
});
const stateOf = (rig: Rig): FleetState => rig.events.reduce(apply, initialState);
const boardsOf = (rig: Rig) => stateOf(rig).run?.plan?.stages.map(({ board }) => board);
const decisions = (rig: Rig) => rig.events.flatMap((event) => (event.kind === 'decided' ? [event.action] : []));

/** Trains on pi-1 and pi-2, which stand still at step 10, and has pi-3 come there. */
async function joinedBy(newcomer: Script) {
  const { promise, resolve: open } = Promise.withResolvers<void>();
  const waitBefore = (step: number) => (step === 10 ? promise : undefined);
  const rig = await createRig(settings, [
    { ...trains(slow), waitBefore },
    { ...trains(slow), waitBefore },
    { ...newcomer, comesLater: true },
  ]);
  const running = rig.run();
  await until('the boards stand at step 10', () => (stateOf(rig).run?.stages[0]?.step ?? 0) === 10);
  refuseEarly(boardsOf(rig));
  rig.clock.advance(1);
  await rig.boards[2]!.start();
  return { rig, running, open };
}

function refuseEarly(boards: readonly string[] | undefined): void {
  if (boards?.includes('pi-3')) throw new Error('pi-3 is in the plan before it is there');
}

const allLosses = Array.from({ length: settings.steps }, (_, step) => lossOf(step));

test('a board that comes measures itself while the others train, and is taken in where the run becomes faster', async (t) => {
  const wishes: SurveyWish[] = [];
  const newcomer = { ...trains(fast), ...measuring(fast, wishes) };
  const { rig, running, open } = await joinedBy(newcomer);
  await until('it is known', () => stateOf(rig).run?.survey.surveys.has('pi-3') === true);
  t.is(stateOf(rig).run?.phase, 'training');
  t.deepEqual(
    wishes.map(({ links, stages }) => [links, stages]),
    [[[], []]],
  );
  open();
  const { losses, recoveries } = await running;
  t.deepEqual(losses, allLosses);
  t.true(boardsOf(rig)?.includes('pi-3'));
  // It has measured the stage that it was to get.
  t.is(wishes[1]?.stages.length, 1);
  t.is(recoveries[0]?.step, recoveries[0]?.fromStep);
  const again = structuredClone(rig.events).reduce(apply, initialState);
  t.deepEqual(again.run?.plan, stateOf(rig).run?.plan);
});

test('a board that comes and cannot measure its stage is asked twice, and taken in all the same', async (t) => {
  const wishes: SurveyWish[] = [];
  const able = measuring(fast, wishes);
  const surveys = (wish: SurveyWish) => {
    if (wish.stages.length === 0) return able.surveys!(wish);
    wishes.push(wish);
    return null;
  };
  const { rig, running, open } = await joinedBy({ ...trains(fast), surveys });
  await until('it is known', () => stateOf(rig).run?.survey.surveys.has('pi-3') === true);
  open();
  t.deepEqual((await running).losses, allLosses);
  t.true(boardsOf(rig)?.includes('pi-3'));
  t.deepEqual(
    wishes.map(({ stages }) => stages.length),
    [0, 1, 1],
  );
});

test('a board that would slow the run is left out, and why is told once', async (t) => {
  const slowest = aBoardLike({ secondsPerFlop: 1e-5, secondsPerByte: 1e-5, secondsPerCall: 1 });
  const { rig, running, open } = await joinedBy(trains(slowest));
  await until('it is left out', () => decisions(rig).some(({ kind }) => kind === 'leave-out'));
  open();
  t.deepEqual((await running).losses, allLosses);
  t.false(boardsOf(rig)?.includes('pi-3'));
  const told = decisions(rig).filter(({ kind }) => kind === 'leave-out');
  t.is(told.length, 1);
  t.like(told[0], { board: 'pi-3' });
});

test('a board that dies while it measures itself disturbs nobody', async (t) => {
  const { rig, running, open } = await joinedBy({ surveys: () => 'die' });
  const asked = () => decisions(rig).some((action) => action.kind === 'survey' && action.wishes.has('pi-3'));
  await until('it is gone', () => asked() && stateOf(rig).run?.survey.awaited.size === 0);
  open();
  const { losses, recoveries } = await running;
  t.deepEqual(losses, allLosses);
  t.is(recoveries.length, 0);
});

test('a board that never answers is waited for by nobody, and told to stop when the run ends', async (t) => {
  const { rig, running, open } = await joinedBy({ surveys: () => 'fall-silent' });
  const told: string[] = [];
  const onCommand = ({ message }: { message: { kind: string } }) => void told.push(message.kind);
  await rig.messengerOf('pi-3').subscribe('deviceCommand', { id: 'pi-3' }, onCommand);
  await until('it is asked', () => (stateOf(rig).run?.survey.awaited.size ?? 0) > 0);
  open();
  t.deepEqual((await running).losses, allLosses);
  t.false(boardsOf(rig)?.includes('pi-3'));
  await until('it is told', () => told.includes('stop'));
});
