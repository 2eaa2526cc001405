import test from 'ava';
import { apply, type FleetState, initialState } from '../../../planner/coordinator/index.ts';
import type { SurveyWish } from '../../../planner/index.ts';
import { aBoardLike } from '../predictor/boards.ts';
import { createRig, lossOf, type Rig, type Script, until } from './fake-fleet.ts';
import { followedSettings, measuring, stepOn } from './measuring.ts';

const settings = followedSettings;
const model = { ...settings.model, microBatch: 8 };
const usual = aBoardLike({ secondsPerFlop: 1e-8 });
const slow = aBoardLike({ secondsPerFlop: 1e-5, secondsPerByte: 1e-5, secondsPerCall: 1 });

const stateOf = (rig: Rig): FleetState => rig.events.reduce(apply, initialState);
const boardsOf = (rig: Rig) => stateOf(rig).run?.plan?.stages.map(({ board }) => board);

test('a board that was left out measures itself again, and gets work once it has become faster', async (t) => {
  const { promise, resolve: open } = Promise.withResolvers<void>();
  const wishes: SurveyWish[] = [];
  let own = slow;
  const known = measuring(slow);
  const measuresAnew: Script = {
    surveys(wish) {
      wishes.push(wish);
      // What it has measured before it keeps.
      const before = known.surveys!(wish);
      if (own === slow || before === null || typeof before === 'string') return before;
      const now = measuring(own).surveys!(wish);
      if (now === null || typeof now === 'string') return now;
      const measurements = [...before.profile.measurements, ...now.profile.measurements];
      return { ...before, profile: { ...before.profile, measurements } };
    },
    busySeconds: (_, stage) => stepOn(own, model, settings.microBatches, stage),
  };
  const rig = await createRig(settings, [
    {
      ...measuring(usual),
      busySeconds: (_, stage) => stepOn(usual, model, settings.microBatches, stage),
      waitBefore: (step) => (step === 10 ? promise : undefined),
    },
    measuresAnew,
  ]);
  const running = rig.run();
  await until('the first board stands at step 10', () => (stateOf(rig).run?.stages[0]?.step ?? 0) === 10);
  t.deepEqual(boardsOf(rig), ['pi-1']);
  const asked = wishes.length;
  // Any message makes the hub look at its clock.
  const say = () => rig.boards[0]!.start();
  rig.clock.advance(21);
  await say();
  await until('it is asked', () => wishes.length === asked + 1 && stateOf(rig).run?.survey.awaited.size === 0);
  own = usual;
  rig.clock.advance(21);
  await say();
  await until('it is asked again', () => wishes.length === asked + 2 && stateOf(rig).run?.survey.awaited.size === 0);
  t.deepEqual(wishes.at(-1)?.stages, wishes.at(-2)?.stages);
  open();
  const { losses } = await running;
  t.deepEqual(
    losses,
    Array.from({ length: settings.steps }, (_, step) => lossOf(step)),
  );
  t.deepEqual(boardsOf(rig)?.toSorted(), ['pi-1', 'pi-2']);
  const again = structuredClone(rig.events).reduce(apply, initialState);
  t.deepEqual(again.run?.plan, stateOf(rig).run?.plan);
});
