import test from 'ava';
import { defineRun } from '../../../planner/coordinator/define-run.ts';
import { apply, initialState, type RunState } from '../../../planner/coordinator/index.ts';
import { arePacesSure, nothingSeen, paceOf, seenAfter, seenUnder } from '../../../planner/coordinator/pace.ts';
import type { Plan } from '../../../planner/index.ts';
import { someSettings } from './fake-fleet.ts';

/** A run of two boards in mid-training, with a plan that expects these seconds of them. */
function aRun(expected: readonly [number, number], overrides: Partial<RunState> = {}): RunState {
  const { run } = apply(initialState, { kind: 'start-requested', at: 0, request: defineRun(someSettings()) });
  const stages = expected.map((predictedSeconds, stage) => {
    return { stage, board: `pi-${stage + 1}`, firstBlock: 2 * stage, lastBlock: 2 * stage + 1, predictedSeconds };
  });
  const plan = { stages, predictedStepSeconds: 1 } as unknown as Plan;
  const heard = { prepared: true, step: 5, heardAt: 0, heard: '', stopped: false } as unknown as RunState['stages'][0];
  const states = stages.map(({ predictedSeconds: _, ...stage }) => ({ ...heard, ...stage }));
  return { ...run!, phase: 'training', plan, stages: states, ...overrides };
}

/** The run after steps in which a stage was busy for so long, and waited for a while. */
function after(run: RunState, stage: number, ...busy: readonly number[]): RunState {
  let { seen } = run;
  for (const seconds of busy) {
    const report = { wallSeconds: seconds + 0.5, waitSeconds: 0.5 } as unknown as Parameters<typeof seenAfter>[2];
    seen = seenAfter({ ...run, seen }, run.stages[stage]!, report);
  }
  return { ...run, seen };
}

const near = (value: number | undefined, wanted: number) => Math.abs(value! / wanted - 1) < 1e-9;
const pace = ({ seen }: RunState, board = 'pi-1') => seen.paces.get(board);

test('a board that becomes slower is known after two steps', (t) => {
  const run = after(aRun([0.8, 0.6]), 0, 0.8, 0.8);
  t.true(near(pace(run), 1));
  t.true(near(pace(after(run, 0, 3.2, 3.2)), 4));
  t.true(near(pace(after(run, 0, 0.2, 0.2)), 0.25));
});

test('one long step is no change, and small differences are a mean in which old steps fade', (t) => {
  const run = after(aRun([0.8, 0.6]), 0, 0.8, 0.8);
  t.true(pace(after(run, 0, 3.2))! < 2);
  t.true(pace(after(run, 0, 3.2, 0.8, 0.8))! < 1.5);
  t.true(near(pace(after(run, 0, 0.88)), 1 + 0.3 * 0.1));
});

test('paces are sure while steps are like them, and not before a stage has shown what it takes', (t) => {
  const run = aRun([0.8, 0.6]);
  t.false(arePacesSure(run));
  const known = after(after(run, 0, 0.8, 0.8), 1, 0.6, 0.6);
  t.true(arePacesSure(known));
  const halfSeen = after(known, 0, 1.6);
  t.false(arePacesSure(halfSeen));
  t.true(arePacesSure(after(halfSeen, 0, 1.6)));
});

test('what a new stage takes from its first steps on is learned of the stage, at the pace that the board had', (t) => {
  const paces = new Map([['pi-1', 2]]);
  const run = after(aRun([0.8, 0.6], { seen: { ...nothingSeen, paces }, pacesAtPlan: paces }), 0, 1, 1);
  t.is(pace(run), 2);
  t.like(run.seen.learned.get('pi-1'), [{ firstBlock: 0, lastBlock: 1, seconds: 0.5, doubtSeconds: 0 }]);
});

test('a stage that is far off from its first steps on tells that the board has changed', (t) => {
  const run = after(aRun([0.8, 0.6]), 0, 1.6, 1.6);
  t.true(near(pace(run), 2));
  t.is(run.seen.learned.size, 0);
});

test('a small stage tells of its messages, and little of the board', (t) => {
  const run = after(aRun([0.8, 0.05]), 1, 0.1, 0.1);
  t.is(pace(run, 'pi-2'), 1);
  t.true(run.seen.learned.get('pi-2')![0]!.doubtSeconds > 0);
  t.true(pace(after(run, 1, 0.2, 0.2), 'pi-2')! < 1.5);
});

test('nothing is learned from the first step of a term, nor beside the loading of the next stages', (t) => {
  const run = aRun([0.8, 0.6]);
  const [first, second] = run.stages;
  const cold = { ...run, stages: [{ ...first!, step: 0 }, second!] };
  t.deepEqual(after(cold, 0, 5, 5).seen, nothingSeen);
  const loading = { ...run, next: { phase: 'building' } as RunState['next'] };
  t.deepEqual(after(loading, 0, 5, 5).seen, nothingSeen);
});

test('under another plan boards go on whose blocks stay, and others show anew what they take', (t) => {
  const run = after(after(aRun([0.8, 0.6]), 0, 0.8, 0.8), 1, 0.6, 0.6);
  const [first, second] = run.plan!.stages;
  const next = { ...run.plan!, stages: [first!, { ...second!, lastBlock: 2 }] };
  const { references, latestBusy, paces, learned } = seenUnder(run.seen, run.plan, next);
  t.deepEqual([...references.keys()], ['pi-1']);
  t.deepEqual([...latestBusy.keys()], ['pi-1']);
  t.deepEqual([...paces.keys()], ['pi-1', 'pi-2']);
  t.deepEqual([...learned.keys()], ['pi-1', 'pi-2']);
});

test('a board that has not taken part is off by what the others are off by together', (t) => {
  const paces = new Map([
    ['pi-1', 2],
    ['pi-2', 8],
  ]);
  t.is(paceOf(paces, 'pi-2'), 8);
  t.true(near(paceOf(paces, 'pi-3'), 4));
  t.is(paceOf(new Map(), 'pi-3'), 1);
});
