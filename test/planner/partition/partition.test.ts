import test from 'ava';
import {
  baselines,
  buildSchedule,
  CountError,
  definePartition,
  engineBaseBytes,
  evenPartition,
  fullEffort,
  MemoryError,
  MoreBoardsThanBlocksError,
  microBatchCandidates,
  type Partition,
  PartitionInputError,
  type PartitionRequest,
  partition,
  partitionOfFastest,
  scheduleNames,
  stashSlots,
  stepModel,
  stepSeconds,
  uniformLinks,
} from '../../../planner/index.ts';
import { aBoard, blocksOf, boardsOf, seededNumbers, timed } from '../examples.ts';
import { exhaustive, randomRequest } from './exhaustive.ts';

const runs = ({ stages }: Partition) => stages.map(({ firstBlock, lastBlock }) => [firstBlock, lastBlock]);
const whole = { useAll: true, order: 'given' } as const;
const instant = uniformLinks({ bytesPerSecond: 1e15, latencySeconds: 0 });

/** A request of blocks and boards by their flops alone, with links that take no time. */
function plain(flops: readonly number[], speeds: readonly number[], overrides: Partial<PartitionRequest> = {}) {
  const blocks = blocksOf(flops, { parameterBytes: 0, optimizerBytes: 0 });
  return { blocks, boards: timed(blocks, boardsOf(speeds)), microBatches: 4, links: instant, ...overrides };
}

test('equal blocks on equal boards are shared alike', (t) => {
  const result = partition({ ...plain([3e6, 3e6, 3e6, 3e6], [1e9, 1e9]), ...whole });
  t.deepEqual(runs(result), [
    [0, 1],
    [2, 3],
  ]);
  t.deepEqual(
    result.stages.map(({ flopsShare }) => flopsShare),
    [0.5, 0.5],
  );
});

test('a board of three times the speed takes three times the work', (t) => {
  const result = partition({ ...plain([1e6, 1e6, 1e6, 1e6], [3e9, 1e9], { microBatches: 8 }), ...whole });
  t.deepEqual(runs(result), [
    [0, 2],
    [3, 3],
  ]);
});

test('predicted seconds are of a whole step, and the step fills and drains the pipeline', (t) => {
  const result = partition({ ...plain([3e6, 6e6], [1e9, 1e9]), ...whole });
  const close = (actual: number, expected: number) => t.true(Math.abs(actual - expected) < 1e-9);
  close(result.stages[0]!.predictedSeconds, 0.012);
  close(result.stages[1]!.predictedSeconds, 0.024);
  close(result.slowestSeconds, 0.024);
  close(result.stepSeconds, 0.003 + 0.006 + 3 * 0.006);
});

test('the step equals that of an exhaustive search over boards, orders and cuts in 500 random cases', (t) => {
  const random = seededNumbers(1);
  let infeasible = 0;
  for (let round = 0; round < 500; round++) {
    const request = randomRequest(random);
    const problem = definePartition(request);
    const expected = exhaustive(problem);
    if (expected === undefined) {
      infeasible++;
      t.throws(() => partition(request), { instanceOf: MemoryError }, `round ${round}`);
      continue;
    }
    const actual = partition(request);
    t.true(Math.abs(actual.stepSeconds - expected) <= 1e-9 * expected, `round ${round}`);
    t.true(Math.abs(actual.boundSeconds - actual.stepSeconds) <= 1e-9 * expected, `round ${round} is proven`);
    assertValid(t, actual, request);
  }
  t.true(infeasible > 5 && infeasible < 250, `${infeasible} of 500 cases do not fit`);
});

test('a faster board never makes the step longer', (t) => {
  const random = seededNumbers(2);
  for (let round = 0; round < 150; round++) {
    const request = { ...randomRequest(random) };
    const faster = Math.floor(random() * request.boards.length);
    const factor = 0.3 + 0.7 * random();
    const boards = request.boards.map((board, index) =>
      index === faster
        ? {
            ...board,
            callSeconds: board.callSeconds * factor,
            blocks: board.blocks.map(({ forward, backward, update }) => ({
              forward: forward * factor,
              backward: backward * factor,
              update: update * factor,
            })),
          }
        : board,
    );
    const before = stepOf(request);
    const after = stepOf({ ...request, boards });
    t.true(after <= before * (1 + 1e-9), `round ${round}: ${before} became ${after}`);
  }
});

test('one more board never makes the step longer', (t) => {
  const random = seededNumbers(5);
  for (let round = 0; round < 100; round++) {
    const { first: _first, ...drawn } = randomRequest(random);
    const request = { ...drawn, useAll: false };
    if (request.boards.length < 2) continue;
    const fewer = stepOf({ ...request, boards: request.boards.slice(1) });
    t.true(stepOf(request) <= fewer * (1 + 1e-9), `round ${round}`);
  }
});

test('on many boards every plan is valid and never worse than the even, the proportional and the greedy split', (t) => {
  const random = seededNumbers(3);
  for (const boards of [11, 17, 40, 64, 100]) {
    const request = manyBoards(random, boards, 60);
    const result = partition(request);
    assertValid(t, result, request);
    const problem = definePartition(request);
    for (const [name, baseline] of Object.entries(baselines)) {
      const split = baseline(problem);
      if (split !== undefined) t.true(result.stepSeconds <= stepSeconds(problem, split) * (1 + 1e-12), name);
    }
    t.true(result.boundSeconds > 0 && result.boundSeconds <= result.stepSeconds * (1 + 1e-12));
  }
});

test('the bound of a plan that is not proven is below the step of the best one', (t) => {
  const random = seededNumbers(4);
  for (let round = 0; round < 20; round++) {
    const request = manyBoards(random, 6, 24);
    const cut = partition(request, { ...fullEffort, exactTries: 500 });
    const best = partition(request, fullEffort);
    t.true(cut.boundSeconds <= best.stepSeconds * (1 + 1e-9), `round ${round}`);
    t.true(cut.stepSeconds >= best.stepSeconds * (1 - 1e-9));
  }
});

test('a board so slow that it holds up the others is left out, unless all have to be used', (t) => {
  const request = plain([4e6, 4e6, 4e6, 4e6], [1e9, 1e6, 1e9]);
  t.deepEqual(partition(request).leftOut, ['board1']);
  t.deepEqual(partition({ ...request, useAll: true }).leftOut, []);
});

test('a slow link makes neighbours of boards that are near each other', (t) => {
  const near = { bytesPerSecond: 1e9, latencySeconds: 1e-4 };
  const far = { bytesPerSecond: 1e6, latencySeconds: 1e-2 };
  const isPair = (a: string, b: string) => [a, b].sort().join() === 'board0,board2';
  const links = { between: (from: string, to: string) => (isPair(from, to) ? near : far) };
  const result = partition(plain([9e6, 9e6], [1e9, 1.1e9, 1e9], { links, microBatches: 8 }));
  t.deepEqual(result.stages.map(({ board }) => board).sort(), ['board0', 'board2']);
});

test('the board that must be first is first', (t) => {
  const request = plain([2e6, 2e6, 2e6, 2e6], [1e9, 3e9, 2e9]);
  for (const first of ['board0', 'board1', 'board2']) {
    t.is(partition({ ...request, first }).stages[0]!.board, first);
  }
  t.throws(() => partition({ ...request, first: 'nobody' }), { instanceOf: PartitionInputError });
});

test('boards whose order is given keep it', (t) => {
  const random = seededNumbers(6);
  for (let round = 0; round < 30; round++) {
    const { first: _first, ...request } = randomRequest(random);
    try {
      const { stages } = partition({ ...request, order: 'given' });
      const order = stages.map(({ board }) => request.boards.findIndex(({ id }) => id === board));
      t.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      );
    } catch (error) {
      t.true(error instanceof MemoryError);
    }
  }
});

test('interchangeable boards are named in their order along the pipeline', (t) => {
  const { stages } = partition(plain([1e6, 1e6, 1e6, 1e6, 1e6, 1e6], [1e9, 1e9, 1e9], { microBatches: 16 }));
  t.deepEqual(
    stages.map(({ board }) => board),
    ['board0', 'board1', 'board2'],
  );
});

test('the number of micro-batches is that with the shortest step', (t) => {
  t.deepEqual(microBatchCandidates(12, { most: 6 }), [1, 2, 3, 4, 6]);
  const requests = microBatchCandidates(16).map((microBatches) => {
    const blocks = blocksOf([32e6 / microBatches, 32e6 / microBatches], { parameterBytes: 0 });
    const boards = timed(blocks, boardsOf([1e9, 1e9])).map((board) => ({ ...board, callSeconds: 1e-3 }));
    return { blocks, boards, microBatches, links: instant };
  });
  const best = partitionOfFastest(requests);
  t.is(best.stepSeconds, Math.min(...requests.map((request) => partition(request).stepSeconds)));
  t.is(best.microBatches, 4);
});

test('the stash that is reckoned with is that of the schedule', (t) => {
  for (const schedule of scheduleNames) {
    for (const stages of [1, 2, 3, 5, 8]) {
      for (const microBatches of [1, 2, 4, 7, 16]) {
        const model = stepModel(schedule, microBatches);
        t.deepEqual(
          buildSchedule(schedule, stages, microBatches).map(stashSlots),
          Array.from({ length: stages }, (_, stage) => model.stashSlots(stages - 1 - stage)),
          `${schedule}, ${stages} stages, ${microBatches} micro-batches`,
        );
      }
    }
  }
});

test('200 blocks on 64 boards that are all to be used are split, each board with a block', (t) => {
  const random = seededNumbers(4);
  const blocks = blocksOf(Array.from({ length: 200 }, () => 1e6 + 9e6 * random()));
  const boards = timed(blocks, boardsOf(Array.from({ length: 64 }, () => 1e8 + 1e9 * random())));
  const request = { blocks, boards, microBatches: 8, useAll: true } as const;
  const result = partition(request);
  assertValid(t, result, request);
  t.is(result.stages.length, 64);
});

test('the even split gives one block more to the first boards', (t) => {
  t.deepEqual(runs(evenPartition(plain([9e6, 1e6, 1e6, 1e6, 1e6], [1e9, 1e9, 1e9]))), [
    [0, 1],
    [2, 3],
    [4, 4],
  ]);
});

test('a board with little memory takes fewer blocks than its speed would allow', (t) => {
  const blocks = blocksOf([1e6, 1e6, 1e6, 1e6], { parameterBytes: 100e6 });
  const boards = [
    aBoard({ id: 'fast', flopsPerSecond: 9e9, memoryBytes: 600e6 }),
    aBoard({ id: 'slow', memoryBytes: 4e9 }),
  ];
  t.deepEqual(runs(partition({ blocks, boards: timed(blocks, boards), microBatches: 1, ...whole })), [
    [0, 0],
    [1, 3],
  ]);
});

test('1F1B fits where the stash of GPipe does not', (t) => {
  const blocks = blocksOf([1e6, 1e6, 1e6], { stashBytesPerMicroBatch: 50e6 });
  const boards = timed(blocks, boardsOf([1e9, 1e9, 1e9], { memoryBytes: 400e6 }));
  const request = { blocks, boards, microBatches: 8, ...whole };
  t.notThrows(() => partition({ ...request, schedule: '1f1b' }));
  const error = t.throws(() => partition({ ...request, schedule: 'gpipe' }), { instanceOf: MemoryError });
  t.is(error.shortfall.board, 'board0');
});

test('what does not fit names the board, the block at which it is full, and the missing megabytes', (t) => {
  const nothing = { optimizerBytes: 0, stashBytesPerMicroBatch: 0, workspaceBytes: 0, outputBytes: 0 };
  const blocks = blocksOf([1e6, 1e6, 1e6], { parameterBytes: 10e6, ...nothing });
  const boards = timed(blocks, boardsOf([1e9, 1e9], { memoryBytes: engineBaseBytes + 35e6 }));
  for (const how of [whole, {}]) {
    const error = t.throws(() => partition({ blocks, boards, microBatches: 1, ...how }), { instanceOf: MemoryError });
    t.deepEqual(error.shortfall, {
      board: 'board1',
      firstBlock: 1,
      block: 2,
      blockName: 'block2',
      lastBlock: 2,
      neededBytes: engineBaseBytes + 60e6,
      memoryBytes: engineBaseBytes + 35e6,
    });
    t.regex(error.message, /board 'board1' lacks 25\.0 MB at block 2 \(block2\)/);
    t.is(error.exitCode, 2);
  }
});

test('a board that cannot hold a single block is named where all have to be used, else left out', (t) => {
  const blocks = blocksOf([1e6, 1e6, 1e6, 1e6]);
  const boards = timed(blocks, [
    aBoard({ id: 'large' }),
    aBoard({ id: 'tiny', memoryBytes: 1e6 }),
    aBoard({ id: 'other' }),
  ]);
  const request = { blocks, boards, microBatches: 1 };
  const error = t.throws(() => partition({ ...request, ...whole }), { instanceOf: MemoryError });
  t.is(error.shortfall.board, 'tiny');
  t.is(t.throws(() => evenPartition(request), { instanceOf: MemoryError }).shortfall.board, 'tiny');
  t.true(partition(request).leftOut.includes('tiny'));
});

test('more boards than blocks are refused with both numbers where all have to be used', (t) => {
  const request = plain([1e6, 1e6], [1e9, 1e9, 1e9]);
  for (const split of [() => partition({ ...request, useAll: true }), () => evenPartition(request)]) {
    const error = t.throws(split, { instanceOf: MoreBoardsThanBlocksError });
    t.regex(error.message, /3 boards.*2 blocks/);
    t.is(error.exitCode, 2);
  }
  t.true(partition(request).stages.length <= 2);
});

test('no board, no micro-batch, a board named twice and absurd numbers are refused', (t) => {
  const valid = plain([1e6, 1e6], [1e9, 1e9], { microBatches: 2 });
  const [one] = valid.boards;
  t.notThrows(() => partition(valid));
  t.throws(() => partition({ ...valid, boards: [] }), { instanceOf: CountError });
  t.throws(() => partition({ ...valid, microBatches: 0 }), { instanceOf: CountError });
  t.throws(() => partition({ ...valid, boards: [one!, one!] }), { message: /'board0' is listed twice/ });
  for (const absurd of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    const times = [one!.blocks[0]!, { ...one!.blocks[1]!, backward: absurd }];
    t.throws(() => partition({ ...valid, boards: [{ ...one!, blocks: times }] }), { message: /backward of block 1/ });
    t.throws(() => partition({ ...valid, boards: [{ ...one!, memoryBytes: absurd }] }), {
      instanceOf: PartitionInputError,
    });
    const links = { between: () => ({ bytesPerSecond: absurd, latencySeconds: 0 }) };
    t.throws(() => partition({ ...valid, links }), { message: /bytesPerSecond of link board\d → board\d/ });
  }
  t.throws(() => partition({ ...valid, boards: [{ ...one!, blocks: [] }] }), { message: /times of 0 blocks/ });
  t.throws(() => partition({ ...valid, blocks: blocksOf([-1, 1]) }), { message: /forwardFlops of block 'block0'/ });
});

function stepOf(request: PartitionRequest): number {
  try {
    return partition(request).stepSeconds;
  } catch (error) {
    if (error instanceof MemoryError) return Number.POSITIVE_INFINITY;
    throw error;
  }
}

function manyBoards(random: () => number, boards: number, blocks: number): PartitionRequest {
  const costs = blocksOf(
    Array.from({ length: blocks }, () => 1e6 + 9e6 * random()),
    { outputBytes: 2e4 },
  );
  const speeds = Array.from({ length: boards }, () => 1e8 * 10 ** random());
  return {
    blocks: costs,
    boards: timed(costs, boardsOf(speeds, { memoryBytes: engineBaseBytes + 40e6 + 200e6 * random() })),
    microBatches: 16,
  };
}

type Assertions = {
  readonly is: (actual: unknown, expected: unknown) => unknown;
  readonly true: (actual: boolean) => unknown;
};

/** Every block once, every board at most once, every stage within its board's memory. */
function assertValid(t: Assertions, { stages, leftOut }: Partition, { blocks, boards }: PartitionRequest): void {
  let next = 0;
  for (const [stage, share] of stages.entries()) {
    t.is(share.stage, stage);
    t.is(share.firstBlock, next);
    t.true(share.lastBlock >= share.firstBlock);
    t.true(share.memoryBytes <= boards.find(({ id }) => id === share.board)!.memoryBytes);
    next = share.lastBlock + 1;
  }
  t.is(next, blocks.length);
  const named = [...stages.map(({ board }) => board), ...leftOut];
  t.is(new Set(named).size, named.length);
  t.is(named.length, boards.length);
}
