import test, { type ExecutionContext } from 'ava';
import { type Board, startBoard } from '../../../agent/index.ts';
import { createMessenger, createMqttTransport, silent } from '../../../broker/index.ts';
import { type RunNeeds, type RunResult, type RunSettings, runTraining } from '../../../planner/coordinator/index.ts';
import { startTestBroker, testFleet } from '../../broker/helpers.ts';
import { fleetModel } from '../../planner/predictor/boards.ts';

const IDS = ['pi-1', 'pi-2', 'pi-3'];
const EVERY = 10;

const settings = (overrides: Partial<RunSettings>): RunSettings => ({
  run: 'run-1',
  model: { name: 'mlp', classes: 10, inputShape: [3, 32, 32] },
  data: { name: 'shapes', options: { trainLimit: 200 } },
  batch: 4,
  microBatches: 2,
  schedule: '1f1b',
  optimizer: { name: 'sgd', options: { momentum: 0.9 } },
  learningRate: { name: 'constant', options: { rate: 0.01 } },
  seed: 1,
  boards: IDS,
  // It is interrupted when there has been enough to see.
  steps: 100_000,
  fromStep: 0,
  onLoss: 'recover',
  replicateEverySteps: EVERY,
  ...overrides,
});

/** A hub and real boards with their engines, in this process. */
async function startFleet(t: ExecutionContext) {
  const fleet = testFleet(IDS);
  const { keyring } = fleet;
  const hub = await startTestBroker(fleet, 'hub');
  t.teardown(() => hub.close());
  const identity = fleet.identity('hub');
  const transport = createMqttTransport({ identity, keyring, broker: hub, timeoutMilliseconds: 60_000 });
  const boards = new Map<string, Board>();
  for (const id of IDS) {
    const about = { identity: fleet.identity(id), keyring, hubUrl: hub.url, host: '127.0.0.1', port: 0, threads: 1 };
    boards.set(id, await startBoard({ ...about, predictor: fleetModel(), telemetry: { seconds: 0 } }));
  }
  t.teardown(() => Promise.all([...boards.values()].map((board) => board.close())));
  t.teardown(() => transport.close());
  const messenger = createMessenger({ channel: hub, identity, keyring, log: silent });
  const needs: RunNeeds = {
    ...{ messenger, transport, hubUrl: hub.url },
    checkpoints: { write: async ({ step }) => `checkpoint-${step}` },
  };
  return { boards, messenger, needs };
}

test('a board that is lost while blocks change hands is made up for by one that has been drained, and holds its state', async (t) => {
  t.timeout(120_000);
  const { boards, messenger, needs } = await startFleet(t);
  const interrupt = new AbortController();
  let isDrained = false;
  const told: { from?: number } = {};
  const result: RunResult = await runTraining(
    {
      ...needs,
      interrupt: interrupt.signal,
      onProgress({ step }) {
        // A replica is held by then, as none is begun before.
        if (step > 2 * EVERY && !isDrained) {
          isDrained = true;
          const message = { kind: 'drained', board: 'pi-3', reason: 'a new fan' } as const;
          void messenger.publish('deviceService', { id: 'pi-3' }, message);
        }
        if (told.from !== undefined && step > told.from + EVERY) interrupt.abort();
      },
      onNotice(text) {
        const [, from] = /Going on from step (\d+), with plan 2/.exec(text) ?? [];
        if (from === undefined) return;
        told.from = Number(from);
        void boards.get('pi-2')!.close();
      },
    },
    settings({}),
  );
  const [change, loss] = result.recoveries;
  t.is(change!.fromStep, told.from!);
  t.like(loss, { heldBy: 'boards' });
  t.true(loss!.fromStep >= EVERY && loss!.fromStep <= change!.step);
  t.deepEqual(
    result.plan?.stages.map(({ board }) => board),
    ['pi-1'],
  );
  const steps = result.losses.length;
  const undisturbed = await runTraining(needs, settings({ run: 'run-2', boards: ['pi-1'], steps }));
  t.deepEqual(result.losses, undisturbed.losses);
});
