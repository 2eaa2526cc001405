import test from 'ava';
import { correctedByRun, withLearned } from '../../../planner/coordinator/learned.ts';
import { type PartitionRequest, type PlannerBoard, timesFromFlops } from '../../../planner/index.ts';
import { blocksOfModel } from '../survey/examples.ts';

const microBatches = 8;
const boards: readonly PlannerBoard[] = ['pi-1', 'pi-2'].map((id) =>
  timesFromFlops({ id, memoryBytes: 4e9, flopsPerSecond: 1e10 }, blocksOfModel),
);
const request: PartitionRequest = { blocks: blocksOfModel, boards, microBatches, schedule: '1f1b' };
const stage = { firstBlock: 0, lastBlock: 2 };

/** What a step of the stage is expected to take. */
function expected({ blocks }: PlannerBoard): number {
  const own = blocks.slice(stage.firstBlock, stage.lastBlock + 1);
  return own.reduce((sum, { forward, backward, update }) => sum + microBatches * (forward + backward) + update, 0);
}

const took = (seconds: number, doubtSeconds = 0) =>
  correctedByRun(request, new Map([['pi-1', [{ ...stage, seconds, doubtSeconds }]]]));

test('where nothing was learned boards are as they were', (t) => {
  t.is(correctedByRun(request, new Map()), boards);
});

test('a stage is expected to take what it took, and the same blocks of others a little more', (t) => {
  const before = expected(boards[0]!);
  const [own, other] = took(1.25 * before).map((board) => expected(board) / before);
  t.true(Math.abs(own! / 1.25 - 1) < 0.03);
  t.true(other! > 1.02 && other! < own!);
});

test('a small stage is believed little', (t) => {
  const before = expected(boards[0]!);
  const [own] = took(2 * before, 9 * before).map((board) => expected(board) / before);
  t.true(own! > 1 && own! < 1.2);
});

test('of a stage that a board has had twice the latest counts', (t) => {
  const first = withLearned(new Map(), 'pi-1', { ...stage, seconds: 1, doubtSeconds: 0 });
  const other = withLearned(first, 'pi-1', { firstBlock: 1, lastBlock: 2, seconds: 2, doubtSeconds: 0 });
  const again = withLearned(other, 'pi-1', { ...stage, seconds: 3, doubtSeconds: 0 });
  t.deepEqual(
    again.get('pi-1')?.map(({ seconds }) => seconds),
    [2, 3],
  );
});
