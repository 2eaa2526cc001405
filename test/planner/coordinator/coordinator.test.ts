import test from 'ava';
import { defineRun } from '../../../planner/coordinator/define-run.ts';
import {
  apply,
  BoardLostError,
  type FleetState,
  initialState,
  LossNotFiniteError,
  NotEnoughBoardsError,
  PrepareDeadlineError,
  type Progress,
  RunFailedError,
  RunSilentError,
} from '../../../planner/coordinator/index.ts';
import { createRig, lossOf, type Rig, someSettings, until } from './fake-fleet.ts';

const stateOf = (rig: Rig): FleetState => rig.events.reduce(apply, initialState);
const stopsOf = (rig: Rig) => rig.boards.map(({ commands }) => commands.filter(({ kind }) => kind === 'stop').length);

test('a run ends with every loss, the final state, its checkpoint and what each board did', async (t) => {
  const rig = await createRig(someSettings());
  const seen: Progress[] = [];
  const result = await rig.run({ onProgress: (progress) => seen.push(progress) });
  t.is(result.reason, 'finished');
  t.is(result.steps, 4);
  t.deepEqual(result.losses, [0, 1, 2, 3].map(lossOf));
  t.is(result.checkpoint, 'checkpoint-4');
  t.is(result.perBoard['pi-1']?.computeSeconds, 12);
  t.is(result.perBoard['pi-2']?.bytesSent, 400);
  t.deepEqual(result.perBoard['pi-1']?.bytesSentTo, { 'pi-2': 360 });
  t.deepEqual(
    seen.map(({ step, loss }) => [step, loss]),
    [0, 1, 2, 3].map((step) => [step + 1, lossOf(step)]),
  );
  const names = defineRun(someSettings())
    .layout.flat()
    .map(({ name }) => name);
  t.deepEqual([...result.tensors.keys()], names);
  t.true([...result.tensors.values()].every(({ data }) => data.every((value) => value === 4)));
  t.deepEqual(stopsOf(rig), [1, 1]);
});

test('the log of events gives the same state again', async (t) => {
  const rig = await createRig(someSettings({ checkpointEverySteps: 2 }));
  const result = await rig.run();
  const { run } = structuredClone(rig.events).reduce(apply, initialState);
  t.is(run?.phase, 'over');
  t.deepEqual(run?.losses, result.losses);
  t.deepEqual(run?.plan, result.plan);
  t.is(run?.checkpoint?.path, result.checkpoint);
  t.deepEqual(Object.fromEntries(run!.stages.map(({ board, totals }) => [board, totals])), result.perBoard);
  t.deepEqual(stateOf(rig).run, run);
});

for (const [every, expected] of [
  [1, [1, 3, 5, 7]],
  [2, [2, 4, 6, 7]],
  [3, [3, 6, 7]],
] as const) {
  const multiples = every === 1 ? 'second step' : `multiple of ${every}`;
  test(`with ${every} steps between checkpoints they are written at every ${multiples} and at the end, each with the losses before it`, async (t) => {
    const rig = await createRig(someSettings({ checkpointEverySteps: every, steps: 7 }));
    await rig.run();
    t.deepEqual(
      rig.checkpoints.map(({ state }) => state.step),
      [...expected],
    );
    for (const { state, tensors } of rig.checkpoints) {
      t.is(state.losses.length, state.step);
      t.true(tensors.every(({ data }) => data.every((value) => value === state.step)));
    }
  });
}

test('an interrupt finishes what is granted, writes a checkpoint and stops', async (t) => {
  const interrupt = new AbortController();
  const rig = await createRig(someSettings({ steps: 1000 }));
  const onProgress = ({ step }: Progress) => step === 5 && interrupt.abort();
  const result = await rig.run({ interrupt: interrupt.signal, onProgress });
  t.is(result.reason, 'interrupted');
  t.true(result.steps > 5 && result.steps < 20);
  t.is(result.losses.length, result.steps);
  t.is(result.checkpoint, `checkpoint-${result.steps}`);
  t.true([...result.tensors.values()].every(({ data }) => data.every((value) => value === result.steps)));
});

test('an interrupt before any step was granted leaves no checkpoint', async (t) => {
  const rig = await createRig(someSettings(), [{ prepares: false }, {}]);
  const interrupt = new AbortController();
  const running = rig.run({ interrupt: interrupt.signal });
  await until('a board is asked to prepare', () => rig.boards[0]!.commands.length > 0);
  interrupt.abort();
  const result = await running;
  t.is(result.reason, 'interrupted');
  t.is(result.steps, 0);
  t.is(result.checkpoint, undefined);
  t.is(result.tensors.size, 0);
});

test('a resumed run gives each board the state of its blocks', async (t) => {
  const layout = defineRun(someSettings()).layout.flat();
  const restore = new Map(
    layout.map(({ name, shape }, at) => {
      const elements = shape.reduce((product, size) => product * size, 1);
      return [name, { shape, data: new Float32Array(elements).fill(at * 100) }];
    }),
  );
  const rig = await createRig(someSettings({ restore, fromStep: 4, steps: 6, term: 2 }));
  const result = await rig.run();
  t.is(result.term, 2);
  t.is(result.steps, 6);
  t.deepEqual(result.losses, [4, 5].map(lossOf));
  for (const [at, { name }] of layout.entries()) t.is(result.tensors.get(name)?.data[0], 6 + at * 100);
});

test('a lost board ends the run with its name and its last words, and the others are stopped', async (t) => {
  const rig = await createRig(someSettings({ steps: 100 }), [
    {},
    { beforeStep: (step) => (step === 3 ? 'die' : 'compute') },
  ]);
  const running = rig.run({ lastWords: async (board) => `${board}: out of memory` });
  const failed = t.throwsAsync(running, { instanceOf: BoardLostError });
  await until('the other board is told to stop', () => stopsOf(rig)[0] === 1);
  const error = await failed;
  t.is(error.board, 'pi-2');
  t.is(error.stage, 1);
  t.is(error.step, 3);
  t.regex(error.message, /pi-2: out of memory/);
});

/** A run whose first board finds the link to the second one broken at step 3. */
const rigWithLostLink = () => {
  const broken = { code: 'LINK_LOST', message: 'the link to pi-2 is lost' };
  const beforeStep = (step: number) => (step === 3 ? broken : ('compute' as const));
  return createRig(someSettings({ steps: 100 }), [{ beforeStep }, {}]);
};

test('a lost board is named rather than the neighbour whose link it broke', async (t) => {
  const rig = await rigWithLostLink();
  const failed = t.throwsAsync(rig.run(), { instanceOf: BoardLostError });
  await until('the neighbour has spoken', () => stateOf(rig).run?.suspects.length === 1);
  rig.clock.advance(1);
  await rig.boards[1]!.die();
  t.is((await failed).board, 'pi-2');
});

test('a lost link without a cause ends the run after a moment', async (t) => {
  const rig = await rigWithLostLink();
  const failed = t.throwsAsync(rig.run(), { instanceOf: RunFailedError });
  await until('the neighbour has spoken', () => stateOf(rig).run?.suspects.length === 1);
  t.is(stateOf(rig).run?.phase, 'training');
  rig.clock.advance(1.5);
  t.is((await failed).reported, 'LINK_LOST');
});

test('a board that fails ends the run with its error, and bad input keeps its exit code', async (t) => {
  const bad = { code: 'DATA_TRUNCATED', message: 'batch_1.bin ends at byte 7' };
  const rig = await createRig(someSettings(), [{ beforeStep: () => bad }, {}]);
  const error = await t.throwsAsync(rig.run(), { instanceOf: RunFailedError });
  t.is(error.reported, 'DATA_TRUNCATED');
  t.is(error.exitCode, 2);
  t.regex(error.message, /pi-1 \(stage 0\) failed at step 0: batch_1.bin ends at byte 7/);
});

test('a loss that is no number ends the run at its step and stage, and the last good checkpoint stays', async (t) => {
  const nan = { code: 'LOSS_NOT_FINITE', message: 'the loss is NaN' };
  const script = { beforeStep: (step: number) => (step === 5 ? nan : ('compute' as const)) };
  const rig = await createRig(someSettings({ steps: 100, checkpointEverySteps: 2 }), [{}, script]);
  const error = await t.throwsAsync(rig.run(), { instanceOf: LossNotFiniteError });
  t.is(error.step, 5);
  t.is(error.stage, 1);
  t.is(rig.checkpoints.at(-1)?.state.step, 4);
  t.regex(error.message, /the last good checkpoint is checkpoint-4/);
});

test('a state that gives no finite loss is not saved', async (t) => {
  const nan = { code: 'LOSS_NOT_FINITE', message: 'the loss is NaN' };
  const script = { beforeStep: (step: number) => (step === 4 ? nan : ('compute' as const)) };
  const rig = await createRig(someSettings({ steps: 100, checkpointEverySteps: 2 }), [{}, script]);
  await t.throwsAsync(rig.run(), { instanceOf: LossNotFiniteError });
  t.is(rig.checkpoints.at(-1)?.state.step, 2);
});

test('a state with a value that is no number is not saved either', async (t) => {
  const script = { beforeStep: (step: number) => (step === 4 ? 'give-nan-state' : 'compute') as 'compute' };
  const rig = await createRig(someSettings({ steps: 4 }), [{}, script]);
  const error = await t.throwsAsync(rig.run(), { instanceOf: LossNotFiniteError });
  t.regex(error.message, /tensor .* of the state is not a finite number/);
  t.deepEqual(rig.checkpoints, []);
});

test('a board that falls silent ends the run, which says for whom it waited and who was heard last', async (t) => {
  const script = { beforeStep: (step: number) => (step === 2 ? 'fall-silent' : 'compute') as 'compute' };
  const rig = await createRig(someSettings({ steps: 100, deadlines: { silence: 60 } }), [
    {},
    { ...script, stops: false },
  ]);
  const failed = t.throwsAsync(rig.run(), { instanceOf: RunSilentError });
  await until('the other board has used its grant up', () => stateOf(rig).run?.stages[0]?.step === 4);
  rig.clock.advance(60);
  await until('the run is being stopped', () => stateOf(rig).run?.phase === 'stopping');
  rig.clock.advance(2);
  const { message } = await failed;
  t.regex(message, /nothing was heard for 60 s: waiting for pi-2 \(stage 1\) to finish step 2/);
  t.regex(message, /last heard was pi-1 \(stage 0\), which finished step 3/);
});

test('too few boards are waited for until the deadline', async (t) => {
  const rig = await createRig(someSettings({ boards: ['pi-1', 'pi-2', 'pi-9'] }));
  const failed = t.throwsAsync(rig.run(), { instanceOf: NotEnoughBoardsError });
  await until('both boards are seen', () => stateOf(rig).boards.size === 2);
  rig.clock.advance(30);
  t.regex((await failed).message, /pi-9 of pi-1, pi-2, pi-9 did not come online after 30 s/);
});

test('a board that is never prepared is named at the deadline', async (t) => {
  const rig = await createRig(someSettings(), [{}, { prepares: false }]);
  const failed = t.throwsAsync(rig.run(), { instanceOf: PrepareDeadlineError });
  await until('the first board is prepared', () => stateOf(rig).run?.stages[0]?.prepared === true);
  rig.clock.advance(120);
  t.regex((await failed).message, /waiting for pi-2 \(stage 1\) to be prepared/);
});

test('clipping: every board is told the sum of all norms in the order of stages', async (t) => {
  const settings = someSettings({ optimizer: { name: 'sgd', options: { clipNorm: 1 } } });
  const rig = await createRig(settings, [{ clips: true }, { clips: true }]);
  await rig.run();
  for (const { clipped } of rig.boards) t.deepEqual(clipped, [4, 4, 4, 4]);
});

test('messages of another run, of another term and of a stage held by somebody else change nothing and are counted', async (t) => {
  const rig = await createRig(someSettings(), [{ prepares: false }, {}]);
  const running = rig.run();
  const board = rig.boards[1]!;
  await until('the board is prepared', () => stateOf(rig).run?.stages[1]?.prepared === true);
  const foreign = { ...board.place, seconds: 0 };
  await board.report({ kind: 'prepared', ...foreign, run: 'run-0' });
  await board.report({ kind: 'prepared', ...foreign, term: 7 });
  await board.report({ kind: 'prepared', ...foreign, stage: 0 });
  await board.report({ kind: 'prepared', ...foreign });
  await rig.boards[0]!.report({ kind: 'prepared', ...rig.boards[0]!.place, seconds: 0 });
  t.is((await running).reason, 'finished');
  t.deepEqual(stateOf(rig).ignored, { 'other-run': 1, 'other-term': 1, 'not-its-stage': 1, repeated: 1 });
});

test("an aborted run ends at once with the signal's reason, and boards are told", async (t) => {
  const rig = await createRig(someSettings({ steps: 1000 }));
  const abort = new AbortController();
  const onProgress = ({ step }: Progress) => step === 3 && abort.abort(new Error('enough'));
  await t.throwsAsync(rig.run({ onProgress }, abort.signal), { message: 'enough' });
  await until('boards are told', () => stopsOf(rig).every((stops) => stops === 1));
  t.deepEqual(stopsOf(rig), [1, 1]);
});

test('a checkpoint that cannot be written ends the run with its error', async (t) => {
  const rig = await createRig(someSettings());
  const write = async () => {
    throw new Error('no space left');
  };
  await t.throwsAsync(rig.run({ checkpoints: { write } }), { message: 'no space left' });
  t.deepEqual(stopsOf(rig), [1, 1]);
});

test('a board that does not say that it has stopped is not waited for forever', async (t) => {
  const rig = await createRig(someSettings(), [{ stops: false }, {}]);
  const running = rig.run();
  await until('the run is being stopped', () => stateOf(rig).run?.stages[1]?.stopped === true);
  rig.clock.advance(2);
  t.is((await running).reason, 'finished');
});
