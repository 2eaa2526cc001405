import test from 'ava';
import type { DeviceReport } from '../../../broker/index.ts';
import { commandsOf } from '../../../planner/coordinator/commands.ts';
import { nextDeadline } from '../../../planner/coordinator/decide.ts';
import { defineRun } from '../../../planner/coordinator/define-run.ts';
import {
  type Action,
  apply,
  decide,
  type Event,
  type FleetState,
  initialState,
  type RunSettings,
} from '../../../planner/coordinator/index.ts';
import { STATE_NOT_HELD } from '../../../planner/index.ts';
import { someSettings } from './fake-fleet.ts';

/** The core alone: events go in, decisions are taken until there are none, and come out. */
class Core {
  state: FleetState = initialState;
  now = 0;

  constructor(settings: Partial<RunSettings> = {}) {
    this.feed({ kind: 'start-requested', at: 0, request: defineRun(someSettings(settings)) });
  }

  feed(event: Event): Action[] {
    this.now = event.at;
    this.state = apply(this.state, event);
    const taken: Action[] = [];
    for (;;) {
      const actions = decide(this.state, this.now);
      if (actions.length === 0) return taken;
      for (const action of actions) this.state = apply(this.state, { kind: 'decided', at: this.now, action });
      taken.push(...actions);
    }
  }

  online(board: string, cores = 2, { memoryBytes = 4e9, pid = 1 } = {}): Action[] {
    const profile = { kind: 'profile', board, model: '', cores, memoryBytes, platform: '' } as const;
    this.feed({ kind: 'device-profile', at: this.now, board, message: profile });
    const engine = { name: '', version: '' };
    const online = { dataUrl: 'mqtt://127.0.0.9:1', engine, cores, memoryBytes, pid };
    return this.feed({ kind: 'device-state', at: this.now, board, message: { kind: 'online', board, ...online } });
  }

  report(board: string, report: DeviceReport, at = this.now): Action[] {
    return this.feed({ kind: 'report', at, board, report });
  }

  step(stage: number, step: number, at = this.now): Action[] {
    const seconds = { computeSeconds: 1, overheadSeconds: 0, waitSeconds: 0, wallSeconds: 1 };
    const numbers = { samples: 8, ...seconds, bytesSent: 0, bytesReceived: 0, links: [] };
    const loss = stage === 1 ? 1 : null;
    return this.report(`pi-${stage + 1}`, { kind: 'step', run: 'run-1', term: 1, stage, step, loss, ...numbers }, at);
  }

  /** A stage's neighbour has all of its state of this step. */
  replicated(stage: number, step: number): Action[] {
    const about = { run: 'run-1', term: 1, stage, step, to: `pi-${2 - stage}`, bytes: 0, seconds: 0 };
    return this.report(`pi-${stage + 1}`, { kind: 'replicated', ...about });
  }

  lose(board: string): Action[] {
    return this.feed({ kind: 'device-state', at: this.now, board, message: { kind: 'lost', board } });
  }

  /** Two boards, prepared; gives the first grant. */
  train(): Action[] {
    this.online('pi-1');
    this.online('pi-2');
    this.feed({ kind: 'captures-opened', at: this.now, term: 1 });
    const prepared = { kind: 'prepared', run: 'run-1', term: 1, seconds: 1 } as const;
    this.report('pi-1', { ...prepared, stage: 0 });
    return this.report('pi-2', { ...prepared, stage: 1 });
  }
}

const kinds = (actions: readonly Action[]) => actions.map(({ kind }) => kind);
const grants = (actions: readonly Action[]) => actions.filter(({ kind }) => kind === 'grant');

test('nothing is decided twice: a decision that was taken is not taken again', (t) => {
  const core = new Core();
  core.train();
  t.deepEqual(decide(core.state, core.now), []);
});

test('the strongest boards are chosen, and stand in natural order', (t) => {
  const core = new Core({ boards: 2 });
  core.state = initialState;
  core.online('pi-10', 4);
  core.online('pi-9', 4);
  core.online('pi-1', 1);
  const [adopt] = core.feed({ kind: 'start-requested', at: 0, request: defineRun(someSettings()) });
  t.deepEqual(adopt?.kind === 'adopt' && adopt.plan.stages.map(({ board }) => board), ['pi-9', 'pi-10']);
});

test('a run goes from boards to a plan, to prepared stages, to a grant', (t) => {
  const core = new Core();
  t.deepEqual(core.online('pi-1'), []);
  t.deepEqual(kinds(core.online('pi-2')), ['adopt']);
  t.deepEqual(kinds(core.feed({ kind: 'captures-opened', at: 1, term: 1 })), ['prepare']);
  t.is(core.state.run?.phase, 'preparing');
});

test('grants stay a window ahead of the slowest stage', (t) => {
  const core = new Core({ steps: 100 });
  t.deepEqual(core.train(), [{ kind: 'grant', toStep: 2, capture: false, replicate: false }]);
  t.deepEqual(core.step(0, 0, 10), []);
  const next = core.step(1, 0, 10);
  t.deepEqual(kinds(next), ['announce', 'grant']);
  t.deepEqual(grants(next), [{ kind: 'grant', toStep: 3, capture: false, replicate: false }]);
});

test('fast boards get more steps at a time', (t) => {
  const core = new Core({ steps: 1000 });
  core.train();
  core.step(0, 0, 0.1);
  t.deepEqual(grants(core.step(1, 0, 0.1)), [{ kind: 'grant', toStep: 11, capture: false, replicate: false }]);
});

test('a state on its way up is followed by one more step, also where each is to be saved', (t) => {
  const core = new Core({ steps: 100, checkpointEverySteps: 1 });
  t.deepEqual(core.train(), [
    { kind: 'grant', toStep: 1, capture: true, replicate: false },
    { kind: 'grant', toStep: 2, capture: false, replicate: false },
  ]);
  for (const step of [0, 1]) {
    core.step(0, step, 10);
    t.deepEqual(grants(core.step(1, step, 10)), [], 'the state of step 1 has not come yet');
  }
});

test('after an interrupt one more step is granted, with capture, and none after it', (t) => {
  const core = new Core({ steps: 100 });
  core.train();
  t.deepEqual(core.feed({ kind: 'stop-requested', at: 1 }), []);
  core.step(0, 0, 10);
  t.deepEqual(grants(core.step(1, 0, 10)), [{ kind: 'grant', toStep: 3, capture: true, replicate: false }]);
  for (const step of [1, 2]) {
    core.step(0, step, 20);
    t.deepEqual(grants(core.step(1, step, 20)), []);
  }
  t.is(core.state.run?.finalStep, 3);
});

test('a report out of order fails the run; a repeated one is ignored', (t) => {
  const core = new Core();
  core.train();
  core.step(0, 0);
  core.step(0, 0);
  t.is(core.state.ignored.repeated, 1);
  const [stop] = core.step(0, 3);
  t.is(stop?.kind === 'stop' && stop.outcome.kind, 'failed');
});

test('a board of the run that is restarted is lost', (t) => {
  const core = new Core();
  core.train();
  const [stop] = core.online('pi-1', 2, { pid: 2 });
  t.like(stop, { kind: 'stop', outcome: { kind: 'failed', failure: { kind: 'lost', stage: 0 } } });
});

test('a board that is not of the run may come and go', (t) => {
  const core = new Core();
  core.train();
  core.online('pi-3');
  t.deepEqual(core.feed({ kind: 'device-state', at: 1, board: 'pi-3', message: { kind: 'lost', board: 'pi-3' } }), []);
  t.is(core.state.run?.phase, 'training');
});

test('every phase has a deadline, and something is decided when it passes', (t) => {
  const untilTraining: ((core: Core) => void)[] = [
    () => {},
    (core) => {
      core.online('pi-1');
      core.online('pi-2');
    },
    (core) => core.train(),
    (core) => {
      core.train();
      core.feed({ kind: 'device-state', at: 1, board: 'pi-1', message: { kind: 'lost', board: 'pi-1' } });
    },
  ];
  const phases = untilTraining.map((reach) => {
    const core = new Core();
    reach(core);
    const phase = core.state.run?.phase;
    const at = nextDeadline(core.state)!;
    t.deepEqual(core.feed({ kind: 'clock', at: at - 0.01 }), [], phase);
    t.true(core.feed({ kind: 'clock', at }).length > 0, phase);
    return phase;
  });
  t.deepEqual(phases, ['gathering', 'opening', 'training', 'stopping']);
});

test('a model that fits no board is said at once, when the boards are known', (t) => {
  const core = new Core({ boards: 1 });
  const actions = core.online('pi-1', 1, { memoryBytes: 1e6 });
  t.deepEqual(kinds(actions), ['stop', 'finish']);
  t.like(actions[0], { outcome: { failure: { kind: 'planning', error: { code: 'PARTITION_MEMORY' } } } });
});

/** Two boards that hold each other's state of every second step, that of step 2 by now. */
function replicated(settings: Partial<RunSettings> = {}): Core {
  const core = new Core({ steps: 100, onLoss: 'recover', replicateEverySteps: 2, ...settings });
  core.train();
  for (const step of [0, 1]) for (const stage of [0, 1]) core.step(stage, step, 10 * (step + 1));
  for (const stage of [0, 1]) core.replicated(stage, 2);
  return core;
}

test('boards are asked to replicate at a grant’s end, and for the next only when the state before is held', (t) => {
  const core = new Core({ steps: 100, onLoss: 'recover', replicateEverySteps: 2 });
  t.deepEqual(grants(core.train()), [{ kind: 'grant', toStep: 2, capture: false, replicate: true }]);
  core.step(0, 0, 10);
  t.deepEqual(grants(core.step(1, 0, 10)), [{ kind: 'grant', toStep: 3, capture: false, replicate: false }]);
  for (const step of [1, 2]) {
    core.step(0, step, 20);
    t.deepEqual(grants(core.step(1, step, 20)), [], 'the state of step 2 has not come to its neighbours');
  }
  t.deepEqual(core.replicated(0, 2), []);
  const [hold, next] = core.replicated(1, 2);
  t.like(hold, { kind: 'hold', replica: { step: 2 } });
  t.deepEqual(next, { kind: 'grant', toStep: 4, capture: false, replicate: true });
  core.replicated(1, 2);
  t.is(core.state.ignored['not-expected'], 1);
});

test('a replica counts once the step after it has given a loss', (t) => {
  const core = replicated();
  t.is(core.state.run?.replica, undefined);
  core.step(0, 2, 30);
  t.deepEqual(kinds(core.step(1, 2, 30)).slice(0, 1), ['hold']);
  t.is(core.state.run?.replica?.step, 2);
});

test('the hub’s copies go their own way, and are not waited for by replicas', (t) => {
  const core = replicated({ captureEverySteps: 3 });
  t.deepEqual(core.state.run?.capture?.step, 3);
  for (const stage of [0, 1]) core.step(stage, 2, 30);
  t.is(core.state.run?.replica?.step, 2);
  t.like(core.state.run?.replication, { step: 4 });
  t.is(core.state.run?.capture?.step, 3);
});

test('after a loss a run goes on from what the board that is left holds', (t) => {
  const core = replicated();
  for (const stage of [0, 1]) core.step(stage, 2, 30);
  t.like(core.lose('pi-2')[0], { kind: 'recover', fromStep: 2 });
  const [prepare] = core.feed({ kind: 'captures-opened', at: core.now, term: 2 });
  t.like(prepare, { kind: 'prepare', sources: ['pi-1', 'pi-1', 'pi-1', 'pi-1'] });
});

test('a board that does not hold what it was to give sends the run further back, and does not end it', (t) => {
  const core = replicated();
  for (const stage of [0, 1]) core.step(stage, 2, 30);
  core.lose('pi-2');
  core.feed({ kind: 'captures-opened', at: core.now, term: 2 });
  const error = { code: STATE_NOT_HELD, message: 'another run has had it' };
  const about = { kind: 'failed', run: 'run-1', term: 2, stage: 0, step: 2, error } as const;
  t.like(core.report('pi-1', about)[0], { kind: 'recover', fromStep: 0 });
  const [prepare] = core.feed({ kind: 'captures-opened', at: core.now, term: 3 });
  t.like(prepare, { kind: 'prepare', sources: [] });
});

test('where the last holder goes before boards are prepared, the run begins with an older state', (t) => {
  const core = replicated();
  for (const stage of [0, 1]) core.step(stage, 2, 30);
  core.online('pi-3');
  core.lose('pi-2');
  t.is(core.state.run?.request.settings.fromStep, 2);
  core.state = withHolder(core.state, 'pi-9');
  const [back] = core.feed({ kind: 'captures-opened', at: core.now, term: 2 });
  t.like(back, { kind: 'recover', fromStep: 0, reason: 'nobody holds all of the state of step 2 any more' });
});

/** The state in which only this board holds what boards hold. */
function withHolder(state: FleetState, board: string): FleetState {
  const run = state.run!;
  const replica = { step: 2, holders: run.replica!.holders.map(() => [{ board, pid: 1 }]) };
  return { ...state, run: { ...run, replica } };
}

test('a board without a stage that others get state from is asked for it, and missed where it is lost', (t) => {
  const core = replicated({ boards: ['pi-1', 'pi-2'] });
  for (const stage of [0, 1]) core.step(stage, 2, 30);
  core.online('pi-9');
  core.lose('pi-2');
  core.state = withHolder(core.state, 'pi-9');
  const [prepare] = core.feed({ kind: 'captures-opened', at: core.now, term: 2 });
  t.like(prepare, { kind: 'prepare', sources: ['pi-9', 'pi-9', 'pi-9', 'pi-9'] });
  const { plan, request } = core.state.run!;
  const commands = commandsOf(prepare as Extract<Action, { kind: 'prepare' }>, plan!, request, 'mqtt://hub:1');
  t.deepEqual(
    commands.map(([board, command]) => [board, command.kind === 'prepare' && command.stage]),
    [
      ['pi-1', 0],
      ['pi-9', null],
    ],
  );
  t.like(core.lose('pi-9')[0], { kind: 'recover', failure: { kind: 'handover', board: 'pi-9' }, fromStep: 0 });
});

test('a run that is interrupted before boards train again ends with what the hub holds', (t) => {
  const core = replicated();
  for (const stage of [0, 1]) core.step(stage, 2, 30);
  core.lose('pi-2');
  const actions = core.feed({ kind: 'stop-requested', at: core.now });
  t.like(actions[0], { kind: 'recover', fromStep: 0 });
  t.like(actions[1], { kind: 'stop', outcome: { kind: 'interrupted' } });
  t.deepEqual(core.state.run?.losses, []);
});
