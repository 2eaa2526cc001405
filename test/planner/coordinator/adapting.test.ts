import test from 'ava';
import { apply, initialState } from '../../../planner/coordinator/index.ts';
import { aBoardLike } from '../predictor/boards.ts';
import { createRig, type Script } from './fake-fleet.ts';
import { followedSettings, measuring, stepOn } from './measuring.ts';

const settings = followedSettings;

const model = { ...settings.model, microBatch: 8 };
const imagined = aBoardLike({ secondsPerFlop: 1e-8 });

/** A board that takes `factor` of the step times as long as it has measured. */
function board(factor: (step: number) => number): Script {
  return {
    ...measuring(imagined),
    busySeconds: (step, stage) => factor(step) * stepOn(imagined, model, settings.microBatches, stage),
  };
}

const splits = (events: Awaited<ReturnType<typeof createRig>>['events']) =>
  events.flatMap((event) =>
    event.kind === 'decided' && (event.action.kind === 'adopt' || event.action.kind === 'propose')
      ? [
          event.action.plan.stages
            .map(({ board, firstBlock, lastBlock }) => `${board} ${firstBlock}-${lastBlock}`)
            .join(),
        ]
      : [],
  );
const looks = (events: Awaited<ReturnType<typeof createRig>>['events']) =>
  events.flatMap((event) => (event.kind === 'decided' && event.action.kind === 'weigh' ? [event.action] : []));

test('boards that keep their pace keep their plan, and each look is told with its numbers', async (t) => {
  const rig = await createRig(settings, [board(() => 1), board(() => 1)]);
  const { reason } = await rig.run();
  t.is(reason, 'finished');
  t.is(splits(rig.events).length, 1);
  const weighed = looks(rig.events);
  t.true(weighed.length >= 5);
  for (const { worthIt, stepSeconds, bestStepSeconds } of weighed) {
    t.false(worthIt);
    t.true(bestStepSeconds <= stepSeconds * 1.001);
  }
});

test('a board that becomes four times as slow gives blocks away, plans stay for some steps, and no step is lost or done twice', async (t) => {
  const rig = await createRig(settings, [board((step) => (step < 15 ? 1 : 4)), board(() => 1)]);
  const { losses, steps, plan } = await rig.run();
  t.is(steps, 60);
  t.is(losses.length, 60);
  const [before, after] = splits(rig.events);
  t.not(before, after);
  // The new stages were never measured: once they are seen to take longer, the plan may be changed again.
  const moves = looks(rig.events).filter(({ worthIt }) => worthIt);
  t.true(moves.length > 0);
  for (const [index, { step }] of moves.entries()) t.true(step - (moves[index - 1]?.step ?? 0) >= 4);
  const again = structuredClone(rig.events).reduce(apply, initialState);
  t.deepEqual(again.run?.plan, plan);
});

test('without leave to adapt nothing is weighed', async (t) => {
  const rig = await createRig({ ...settings, adapts: false }, [board((step) => (step < 5 ? 1 : 8)), board(() => 1)]);
  await rig.run();
  t.is(looks(rig.events).length, 0);
});
