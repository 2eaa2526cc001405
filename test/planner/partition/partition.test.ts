import test from 'ava';
import {
  type BlockCost,
  type Board,
  buildSchedule,
  CountError,
  engineBaseBytes,
  evenPartition,
  MemoryError,
  MoreBoardsThanBlocksError,
  type Partition,
  PartitionInputError,
  partition,
  stashSlots,
} from '../../../planner/index.ts';
import { aBoard, blocksOf, boardsOf, seededNumbers } from '../examples.ts';

const runs = ({ stages }: Partition) => stages.map(({ firstBlock, lastBlock }) => [firstBlock, lastBlock]);

test('equal blocks on equal boards are shared alike', (t) => {
  const result = partition({ blocks: blocksOf([3e6, 3e6, 3e6, 3e6]), boards: boardsOf([1e9, 1e9]), microBatches: 4 });
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
  const result = partition({ blocks: blocksOf([1e6, 1e6, 1e6, 1e6]), boards: boardsOf([3e9, 1e9]), microBatches: 2 });
  t.deepEqual(runs(result), [
    [0, 2],
    [3, 3],
  ]);
});

test('predicted seconds are of a whole step, and the step fills and drains the pipeline', (t) => {
  const result = partition({ blocks: blocksOf([3e6, 6e6]), boards: boardsOf([1e9, 1e9]), microBatches: 4 });
  const close = (actual: number, expected: number) => t.true(Math.abs(actual - expected) < 1e-12);
  close(result.stages[0]!.predictedSeconds, 0.012);
  close(result.stages[1]!.predictedSeconds, 0.024);
  close(result.slowestSeconds, 0.024);
  close(result.stepSeconds, 0.003 + 0.006 + 3 * 0.006);
});

test('the fastest split equals that of an exhaustive search in 300 random cases', (t) => {
  const random = seededNumbers(1);
  let infeasible = 0;
  for (let round = 0; round < 300; round++) {
    const request = randomCase(random);
    const expected = exhaustive(request);
    if (expected === undefined) {
      infeasible++;
      t.throws(() => partition(request), { instanceOf: MemoryError });
      continue;
    }
    const actual = partition(request);
    t.true(Math.abs(actual.slowestSeconds - expected) <= 1e-9 * expected, `round ${round}`);
    assertCovers(t, actual, request.blocks.length, request.boards);
  }
  t.true(infeasible > 20 && infeasible < 150, `${infeasible} of 300 cases do not fit`);
});

test('a faster board never makes the slowest stage slower', (t) => {
  const random = seededNumbers(2);
  for (let round = 0; round < 100; round++) {
    const request = randomCase(random);
    const boards = request.boards.map((board) => ({ ...board, memoryBytes: 1e12 }));
    const faster = Math.floor(random() * boards.length);
    const changed = boards.map((board, index) =>
      index === faster ? { ...board, flopsPerSecond: board.flopsPerSecond * (1 + random()) } : board,
    );
    const before = partition({ ...request, boards }).slowestSeconds;
    t.true(partition({ ...request, boards: changed }).slowestSeconds <= before * (1 + 1e-12));
  }
});

test('the split is never slower than the even one', (t) => {
  const random = seededNumbers(3);
  for (let round = 0; round < 100; round++) {
    const drawn = randomCase(random);
    const request = { ...drawn, boards: drawn.boards.map((board) => ({ ...board, memoryBytes: 1e12 })) };
    t.true(partition(request).slowestSeconds <= evenPartition(request).slowestSeconds);
  }
});

test('200 blocks on 64 boards are split, each board with a block', (t) => {
  const random = seededNumbers(4);
  const blocks = blocksOf(Array.from({ length: 200 }, () => 1e6 + 9e6 * random()));
  const boards = boardsOf(Array.from({ length: 64 }, () => 1e8 + 1e9 * random()));
  assertCovers(t, partition({ blocks, boards, microBatches: 8 }), 200, boards);
});

test('the even split gives one block more to the first boards', (t) => {
  const blocks = blocksOf([9e6, 1e6, 1e6, 1e6, 1e6]);
  t.deepEqual(runs(evenPartition({ blocks, boards: boardsOf([1e9, 1e9, 1e9]), microBatches: 2 })), [
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
  t.deepEqual(runs(partition({ blocks, boards, microBatches: 1 })), [
    [0, 0],
    [1, 3],
  ]);
});

test('1F1B fits where the stash of GPipe does not', (t) => {
  const request = {
    blocks: blocksOf([1e6, 1e6, 1e6], { stashBytesPerMicroBatch: 50e6 }),
    boards: boardsOf([1e9, 1e9, 1e9], { memoryBytes: 400e6 }),
    microBatches: 8,
  };
  t.notThrows(() => partition({ ...request, schedule: '1f1b' }));
  const error = t.throws(() => partition({ ...request, schedule: 'gpipe' }), { instanceOf: MemoryError });
  t.is(error.shortfall.board, 'board0');
});

test('what does not fit names the board, the block at which it is full, and the missing megabytes', (t) => {
  const blocks = blocksOf([1e6, 1e6, 1e6], {
    parameterBytes: 10e6,
    optimizerBytes: 0,
    stashBytesPerMicroBatch: 0,
    workspaceBytes: 0,
    outputBytes: 0,
  });
  const boards = boardsOf([1e9, 1e9], { memoryBytes: engineBaseBytes + 35e6 });
  const error = t.throws(() => partition({ blocks, boards, microBatches: 1 }), { instanceOf: MemoryError });
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
});

test('a board that cannot hold a single block is named', (t) => {
  const boards = [aBoard({ id: 'large' }), aBoard({ id: 'tiny', memoryBytes: 1e6 }), aBoard({ id: 'other' })];
  const request = { blocks: blocksOf([1e6, 1e6, 1e6, 1e6]), boards, microBatches: 1 };
  const error = t.throws(() => partition(request), { instanceOf: MemoryError });
  t.is(error.shortfall.board, 'tiny');
  t.is(t.throws(() => evenPartition(request), { instanceOf: MemoryError }).shortfall.board, 'tiny');
});

test('more boards than blocks are refused with both numbers', (t) => {
  const request = { blocks: blocksOf([1e6, 1e6]), boards: boardsOf([1e9, 1e9, 1e9]), microBatches: 1 };
  for (const split of [partition, evenPartition]) {
    const error = t.throws(() => split(request), { instanceOf: MoreBoardsThanBlocksError });
    t.regex(error.message, /3 boards.*2 blocks/);
    t.is(error.exitCode, 2);
  }
});

test('no board, no micro-batch, a board named twice and absurd numbers are refused', (t) => {
  const valid = { blocks: blocksOf([1e6, 1e6]), boards: boardsOf([1e9, 1e9]), microBatches: 2 };
  t.notThrows(() => partition(valid));
  t.throws(() => partition({ ...valid, boards: [] }), { instanceOf: CountError });
  t.throws(() => partition({ ...valid, microBatches: 0 }), { instanceOf: CountError });
  t.throws(() => partition({ ...valid, boards: [aBoard(), aBoard()] }), { message: /'pi' is listed twice/ });
  for (const absurd of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => partition({ ...valid, boards: [aBoard({ flopsPerSecond: absurd })] }), {
      instanceOf: PartitionInputError,
    });
  }
  t.throws(() => partition({ ...valid, blocks: blocksOf([-1, 1, 1]) }), { message: /forwardFlops of block 'block0'/ });
});

type Request = {
  readonly blocks: readonly BlockCost[];
  readonly boards: readonly Board[];
  readonly microBatches: number;
};

function randomCase(random: () => number): Request {
  const whole = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const boardCount = whole(1, 4);
  const blocks = Array.from({ length: whole(boardCount, 9) }, (_, index) => ({
    name: `block${index}`,
    forwardFlops: whole(0, 50) * 1e5,
    backwardFlops: whole(0, 90) * 1e5,
    parameterBytes: whole(0, 20) * 1e6,
    optimizerBytes: whole(0, 20) * 1e6,
    stashBytesPerMicroBatch: whole(0, 10) * 1e6,
    workspaceBytes: whole(0, 30) * 1e6,
    outputBytes: whole(0, 10) * 1e6,
  }));
  const boards = Array.from({ length: boardCount }, (_, index) => ({
    id: `board${index}`,
    flopsPerSecond: whole(1, 20) * 1e8,
    memoryBytes: engineBaseBytes + whole(60, 500) * 1e6,
  }));
  return { blocks, boards, microBatches: whole(1, 6) };
}

/** Seconds of the slowest stage in the best of all splits, added up block by block; undefined where none fits. */
function exhaustive({ blocks, boards, microBatches }: Request): number | undefined {
  const slots = buildSchedule('1f1b', boards.length, microBatches).map(stashSlots);
  const sum = (run: readonly BlockCost[], of: (block: BlockCost) => number) => run.reduce((all, b) => all + of(b), 0);
  const secondsOf = (stage: number, first: number, end: number): number => {
    const run = blocks.slice(first, end);
    const bytes =
      engineBaseBytes +
      sum(run, (b) => 3 * b.parameterBytes + b.optimizerBytes) +
      sum(run, (b) => b.stashBytesPerMicroBatch) * Math.max(1, slots[stage]!) +
      Math.max(...run.map((b) => b.workspaceBytes)) +
      2 * (first > 0 ? blocks[first - 1]!.outputBytes : 0) +
      2 * (end < blocks.length ? blocks[end - 1]!.outputBytes : 0);
    if (bytes > boards[stage]!.memoryBytes) return Number.POSITIVE_INFINITY;
    return (microBatches * sum(run, (b) => b.forwardFlops + b.backwardFlops)) / boards[stage]!.flopsPerSecond;
  };
  const best = (stage: number, first: number): number => {
    if (stage === boards.length - 1) return secondsOf(stage, first, blocks.length);
    let least = Number.POSITIVE_INFINITY;
    for (let end = first + 1; end <= blocks.length - (boards.length - 1 - stage); end++) {
      least = Math.min(least, Math.max(secondsOf(stage, first, end), best(stage + 1, end)));
    }
    return least;
  };
  const least = best(0, 0);
  return Number.isFinite(least) ? least : undefined;
}

type Assertions = {
  readonly is: (actual: unknown, expected: unknown) => unknown;
  readonly true: (actual: boolean) => unknown;
};

function assertCovers(t: Assertions, { stages }: Partition, blocks: number, boards: readonly Board[]): void {
  let next = 0;
  for (const [stage, share] of stages.entries()) {
    t.is(share.stage, stage);
    t.is(share.board, boards[stage]!.id);
    t.is(share.firstBlock, next);
    t.true(share.lastBlock >= share.firstBlock);
    t.true(share.memoryBytes <= boards[stage]!.memoryBytes);
    next = share.lastBlock + 1;
  }
  t.is(stages.length, boards.length);
  t.is(next, blocks);
}
