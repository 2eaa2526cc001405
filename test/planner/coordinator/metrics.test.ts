import test from 'ava';
import type { RunEvent, RunMetrics } from '../../../broker/index.ts';
import { metricsOf, withoutStep, withStepReport } from '../../../planner/coordinator/metrics.ts';
import type { RunState } from '../../../planner/coordinator/state.ts';
import { createRig, lossOf, someSettings } from './fake-fleet.ts';

test('every step is told once, with what its boards and links did', async (t) => {
  const rig = await createRig(someSettings());
  const told: RunMetrics[] = [];
  const events: RunEvent[] = [];
  const listener = rig.messengerOf('pi-2');
  await listener.subscribe('runMetrics', { run: 'run-1' }, ({ message }) => told.push(message));
  await listener.subscribe('runEvents', { run: 'run-1' }, ({ message }) => events.push(message));
  await rig.run();
  t.deepEqual(
    told.map(({ step, steps, loss, samples }) => ({ step, steps, loss, samples })),
    [0, 1, 2, 3].map((step) => ({ step, steps: 4, loss: lossOf(step), samples: 8 })),
  );
  const times = { computeSeconds: 3, overheadSeconds: 0.25, waitSeconds: 0.5, wallSeconds: 4, busyShare: 0.875 };
  t.deepEqual(told[2]!.boards, [
    { board: 'pi-1', stage: 0, ...times },
    { board: 'pi-2', stage: 1, ...times },
  ]);
  t.deepEqual(told[2]!.links, [{ from: 'pi-1', to: 'pi-2', bytes: 90 }]);
  const planned = events.find(({ what }) => what === 'planned');
  t.like(planned, { detail: { term: 1, boards: ['pi-1', 'pi-2'] } });
});

/** As much of a run as its metrics are made of. */
function someRun(overrides: Partial<RunState> = {}): RunState {
  const stage = (board: string, index: number) => ({ stage: index, board, step: 6 });
  return {
    request: { settings: { batch: 16, fromStep: 0 } },
    stages: [stage('a', 0), stage('b', 1)],
    announced: 4,
    doneAt: [10, 12, 15],
    stepReports: new Map(),
    ...overrides,
  } as unknown as RunState;
}

const report = (stage: number, step: number) =>
  ({
    kind: 'step',
    stage,
    step,
    computeSeconds: 1,
    overheadSeconds: 0,
    waitSeconds: 3,
    wallSeconds: 2,
    links: [],
  }) as never;

test('a step lasts from the end of the one before to its own, however many were done since', (t) => {
  t.is(metricsOf(someRun(), 5).seconds, 3);
  t.is(metricsOf(someRun(), 4).seconds, 2);
  t.is(metricsOf(someRun({ doneAt: [10] }), 5).seconds, 0);
});

test('shares stay between 0 and 1, also where a clock has jumped', (t) => {
  const run = someRun();
  const reports = withStepReport(run, run.stages[1]!, report(1, 5));
  t.deepEqual(
    metricsOf({ ...run, stepReports: reports }, 5).boards.map(({ board, busyShare }) => [board, busyShare]),
    [['b', 0]],
  );
});

test('reports are kept only until their step is announced', (t) => {
  const run = someRun();
  t.is(withStepReport(run, run.stages[0]!, report(0, 3)).size, 0, 'a step that is done again');
  const kept = withStepReport(run, run.stages[0]!, report(0, 5));
  t.is(kept.size, 1);
  t.is(withoutStep(kept, 5).size, 0);
});
