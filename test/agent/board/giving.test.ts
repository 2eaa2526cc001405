import test from 'ava';
import type { BoardRunNeeds } from '../../../agent/board/board-run.ts';
import { EngineShelf } from '../../../agent/board/engine-shelf.ts';
import { Giving } from '../../../agent/board/giving.ts';
import { HeldState } from '../../../agent/board/held-state.ts';
import { SampleShelf } from '../../../agent/board/sample-shelf.ts';
import {
  createMemoryNetwork,
  type DeviceCommand,
  type DeviceReport,
  type JsonObject,
  type ReceivedTensor,
} from '../../../broker/index.ts';
import { testFleet, until } from '../../broker/helpers.ts';
import { aPlan } from '../../planner/examples.ts';

const BLOCKS = 5;
const TAKERS = ['pi-1', 'pi-2', 'pi-3'];

/** A board that has no stage in the plan, the boards that have, and what arrives there. */
function someBoards() {
  const fleet = testFleet(['pi-1', 'pi-2', 'pi-3', 'pi-4']);
  const network = createMemoryNetwork();
  const transportOf = (id: string) =>
    network.transport({ identity: fleet.identity(id), keyring: fleet.keyring, timeoutMilliseconds: 10_000 });
  const example = aPlan();
  const stages = example.stages.map((stage, at) => ({ ...stage, board: TAKERS[at]!, dataUrl: 'mqtt://127.0.0.1:1' }));
  const plan = { ...example, term: 2, stages };
  const reports: DeviceReport[] = [];
  const held = new HeldState();
  held.join(plan.run);
  const needs = {
    ...{ board: 'pi-4', hub: 'hub', transport: transportOf('pi-4'), threads: 1, held, notice: () => {} },
    ...{ engines: new EngineShelf(), samples: new SampleShelf() },
    report: async (report: DeviceReport) => void reports.push(report),
  } satisfies BoardRunNeeds;
  const command: Extract<DeviceCommand, { kind: 'prepare' }> = {
    ...({ kind: 'prepare', run: plan.run, term: 2, stage: null, fromStep: 20, hubUrl: 'mqtt://127.0.0.1:1' } as const),
    plan: plan as unknown as JsonObject,
    sources: ['pi-4', null, 'pi-4', 'pi-1', 'pi-4'],
    // The third has no state.
    stateBytes: [12, 12, 0, 12, 12],
  };
  const arrived: ReceivedTensor[] = [];
  const receive = (board: string) =>
    transportOf(board).openReceiver({
      ...{ from: 'pi-4', run: plan.run, term: 2, maxTensorBytes: 1000 },
      onTensor: (tensor) => void arrived.push(tensor),
    });
  return { needs, held, command, plan, arrived, receive, reports };
}

test('a board without a stage gives those that go on with them the blocks that it holds', async (t) => {
  const { needs, held, command, plan, arrived, receive, reports } = someBoards();
  for (let block = 0; block < BLOCKS; block += 1) held.put(20, block, Float32Array.of(block, 1, 2));
  const giving = new Giving(needs, command);
  for (const board of TAKERS) await receive(board);
  await giving.finished;
  await until('both have come', () => arrived.length === 2);
  const holders = [0, 4].map((block) => plan.stages.find(({ lastBlock }) => block <= lastBlock)!.board);
  const what = arrived.map(({ meta, payload }) => {
    return [meta.microBatch, meta.to, meta.kind, meta.step, new Float32Array(payload.slice().buffer)[0]];
  });
  t.deepEqual(
    what.toSorted(([a], [b]) => Number(a) - Number(b)),
    [
      [0, holders[0], 'state-down', 20, 0],
      [4, holders[1], 'state-down', 20, 4],
    ],
  );
  t.deepEqual(reports, []);
});

test('a board that does not hold what it is to give says so by name', async (t) => {
  const { needs, held, command, receive, reports } = someBoards();
  held.put(20, 0, Float32Array.of(0, 1, 2));
  const giving = new Giving(needs, command);
  for (const board of TAKERS) await receive(board);
  await giving.finished;
  t.like(reports[0], { kind: 'failed', term: 2, step: 20, error: { code: 'STATE_NOT_HELD' } });
});

test('a board that is told to stop gives nothing more and says nothing', async (t) => {
  const { needs, command, reports } = someBoards();
  const giving = new Giving(needs, command);
  await giving.stop('the next term has begun');
  t.deepEqual(reports, []);
});
