import test from 'ava';
import type { DeviceCommand } from '../../../broker/index.ts';
import { apply, initialState, NotEnoughBoardsError, SurveyDeadlineError } from '../../../planner/coordinator/index.ts';
import { parseWish, type SurveyWish } from '../../../planner/index.ts';
import { aBoardLike, fleetModel } from '../predictor/boards.ts';
import { createRig, type Rig, type Script, someSettings, until } from './fake-fleet.ts';
import { measuring } from './measuring.ts';

const settings = someSettings({
  boards: ['pi-1', 'pi-2', 'pi-3'],
  arrangement: 'free',
  predictor: fleetModel(),
  surveySeconds: 30,
});

const slow = aBoardLike({ secondsPerFlop: 1e-8, secondsPerByte: 5e-8, secondsPerCall: 3e-3 });

type Survey = Extract<DeviceCommand, { kind: 'survey' }>;

const stateOf = (rig: Rig) => structuredClone(rig.events).reduce(apply, initialState);
const surveysOf = (rig: Rig, board: number) => rig.boards[board]!.commands.filter(({ kind }) => kind === 'survey');

test('boards are asked what they are, then for their stages, until the plan holds; one that is too slow is left out', async (t) => {
  const wishes: SurveyWish[] = [];
  const rig = await createRig(settings, [measuring(aBoardLike(), wishes), measuring(slow), measuring(aBoardLike())]);
  const rounds: string[] = [];
  const result = await rig.run({ onSurvey: (_boards, what) => rounds.push(what) });
  t.is(result.reason, 'finished');
  t.false(result.plan!.stages.some(({ board }) => board === 'pi-2'));
  t.deepEqual(
    wishes[0]!.links.map(({ to }) => to),
    ['pi-2', 'pi-3'],
  );
  t.deepEqual(wishes[0]!.stages, []);
  t.deepEqual(
    rounds,
    rounds.map((_, index) => (index === 0 ? 'first' : 'stages')),
  );
  t.true(rounds.length >= 2 && rounds.length <= 4);
  for (const { stages, links } of wishes.slice(1)) {
    t.is(stages.length, 1);
    t.deepEqual(links, []);
  }
  t.deepEqual(structuredClone(rig.events).reduce(apply, initialState).run?.plan, result.plan);
});

test('a board that cannot measure itself is planned with all the same', async (t) => {
  const rig = await createRig(settings, [measuring(aBoardLike()), { surveys: () => null }, measuring(aBoardLike())]);
  const result = await rig.run();
  t.is(result.reason, 'finished');
  t.is(surveysOf(rig, 1).length, 1);
});

test('without a budget nobody is asked', async (t) => {
  const rig = await createRig({ ...settings, surveySeconds: 0 }, [{}, {}, {}]);
  t.is((await rig.run()).reason, 'finished');
  t.is(surveysOf(rig, 0).length, 0);
});

test('a board that does not answer ends the run with its name', async (t) => {
  const silent: Script = { surveys: () => 'fall-silent' };
  const rig = await createRig(settings, [measuring(aBoardLike()), silent, measuring(aBoardLike())]);
  const running = rig.run();
  await until('two have answered', () => rig.events.filter(({ kind }) => kind === 'report').length === 2);
  rig.clock.advance(120);
  const error = await t.throwsAsync(running, { instanceOf: SurveyDeadlineError });
  t.regex(error!.message, /waiting for pi-2 to measure itself/);
});

test('a board that dies while it measures is waited for again', async (t) => {
  const rig = await createRig(settings, [measuring(aBoardLike()), { surveys: () => 'die' }, measuring(aBoardLike())]);
  const running = rig.run();
  await until('it is gone', () =>
    rig.events.some((event) => event.kind === 'device-state' && event.message.kind === 'lost'),
  );
  rig.clock.advance(30);
  await t.throwsAsync(running, {
    instanceOf: NotEnoughBoardsError,
    message: /pi-2 of pi-1, pi-2, pi-3 did not come online/,
  });
});

test('a board that comes back while boards measure is not asked for links to those that are through', async (t) => {
  const recovering = { ...settings, onLoss: 'recover' } as const;
  const rig = await createRig(recovering, [measuring(aBoardLike()), { surveys: () => 'die' }, measuring(aBoardLike())]);
  const running = rig.run();
  await until('it is gone, and the others are through', () => {
    const survey = stateOf(rig).run?.survey;
    return survey?.awaited.size === 0 && survey.surveys.size === 2;
  });
  await rig.boards[1]!.comeBack();
  t.is((await running).reason, 'finished');
  const links = surveysOf(rig, 1).map((command) => parseWish((command as Survey).wish).links.map(({ to }) => to));
  t.deepEqual(links.slice(0, 2), [['pi-3', 'pi-1'], []]);
});

test('a run goes on without a board that was lost while boards measured, once the others are through', async (t) => {
  const recovering = { ...settings, onLoss: 'recover' } as const;
  const scripts = [
    measuring(aBoardLike()),
    { surveys: () => 'die' as const },
    { surveys: () => 'fall-silent' as const },
  ];
  const rig = await createRig(recovering, scripts);
  const running = rig.run();
  await until('one is gone, one is through', () => {
    const survey = stateOf(rig).run?.survey;
    return survey?.awaited.size === 1 && survey.surveys.size === 1;
  });
  rig.clock.advance(30);
  for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  t.is(stateOf(rig).run?.phase, 'gathering');
  const place = { run: settings.run, term: 1, round: 0 };
  await rig.boards[2]!.report({ kind: 'surveyed', ...place, survey: null, problem: 'it has no thermometer' });
  const result = await running;
  t.is(result.reason, 'finished');
  t.regex(result.recoveries[0]!.reason, /not all boards were there after 10 s/);
  t.false(result.plan!.stages.some(({ board }) => board === 'pi-2'));
});

test('a run that is interrupted while boards measure tells them to stop', async (t) => {
  const rig = await createRig(settings, [
    measuring(aBoardLike()),
    { surveys: () => 'fall-silent' },
    measuring(aBoardLike()),
  ]);
  const interrupt = new AbortController();
  const running = rig.run({ interrupt: interrupt.signal });
  await until('two have answered', () => rig.events.filter(({ kind }) => kind === 'report').length === 2);
  interrupt.abort();
  t.is((await running).reason, 'interrupted');
  await until('it was told', () => rig.boards[1]!.commands.some(({ kind }) => kind === 'stop'));
});
