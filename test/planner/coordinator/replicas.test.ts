import test from 'ava';
import {
  holdersOf,
  replicaOf,
  replicaShortfall,
  replicates,
  restorableStep,
  sourcesFor,
  withoutHolder,
} from '../../../planner/coordinator/replicas.ts';
import type { BoardState, RunState } from '../../../planner/coordinator/state.ts';
import { type Plan, restoringOf } from '../../../planner/index.ts';
import { randomFrom } from '../../random.ts';

/** Boards pi-0, pi-1 … with so many blocks each. */
function pipeline(blocks: readonly number[], term = 1) {
  const stages = blocks.map((count, stage) => {
    const firstBlock = blocks.slice(0, stage).reduce((sum, each) => sum + each, 0);
    return { stage, board: `pi-${stage}`, firstBlock, lastBlock: firstBlock + count - 1, memoryBytes: 1e6 };
  });
  return { term, stages } as unknown as Plan;
}

const boardsOf = ({ stages }: Plan, memoryBytes = 1e9): ReadonlyMap<string, BoardState> =>
  new Map(
    stages.map(({ board, stage }) => [
      board,
      { online: { dataUrl: '', pid: 100 + stage }, profile: { cores: 1, memoryBytes } },
    ]),
  );

/** A run on this plan whose stages have sent each other the state of step 60; the hub holds that of step 20. */
function running(plan: Plan, boards = boardsOf(plan), change: Partial<RunState> = {}): RunState {
  const stages = plan.stages.map((stage) => ({ ...stage, step: 70, stopped: false })) as unknown as RunState['stages'];
  const layout = plan.stages.flatMap(({ firstBlock, lastBlock }) =>
    Array.from({ length: lastBlock - firstBlock + 1 }, (_, at) => [{ name: `b${firstBlock + at}`, shape: [10] }]),
  );
  const settings = { fromStep: 60, replicateEverySteps: 20, onLoss: 'recover' };
  return {
    request: { settings, restores: true, layout },
    origin: { fromStep: 0, restores: false },
    plan,
    stages,
    held: 20,
    replica: replicaOf(60, stages, boards),
    ...change,
  } as unknown as RunState;
}

const without = (boards: ReadonlyMap<string, BoardState>, lost: readonly string[]) =>
  new Map([...boards].filter(([id]) => !lost.includes(id)));

/** Who is left, in any order, with a random share of the blocks each. */
function planFor(left: readonly string[], blocks: number, draw: () => number): Plan {
  const order = left.toSorted(() => draw() - 0.5).slice(0, Math.min(left.length, blocks));
  const ends = new Set<number>([blocks]);
  while (ends.size < order.length) ends.add(1 + Math.floor(draw() * (blocks - 1)));
  const sorted = [...ends].sort((a, b) => a - b);
  const plan = pipeline(
    sorted.map((end, at) => end - (sorted[at - 1] ?? 0)),
    2,
  );
  return { ...plan, stages: plan.stages.map((stage, at) => ({ ...stage, board: order[at]! })) };
}

const neighbours = (a: number, b: number) => Math.abs(a - b) === 1;

test('any board may be lost, and any two that are no neighbours: all state is with somebody, whoever goes on', (t) => {
  const draw = randomFrom(11);
  for (let round = 0; round < 400; round += 1) {
    const count = 2 + Math.floor(draw() * 7);
    const plan = pipeline(Array.from({ length: count }, () => 1 + Math.floor(draw() * 4)));
    const boards = boardsOf(plan);
    const run = running(plan, boards);
    const blocks = run.request.layout.length;
    const first = Math.floor(draw() * count);
    const second = Math.floor(draw() * count);
    const lost = second === first || neighbours(first, second) ? [first] : [first, second];
    const left = without(
      boards,
      lost.map((at) => `pi-${at}`),
    );
    if (left.size === 0) continue;
    t.is(restorableStep(run, left), 60);
    const next = planFor([...left.keys()], blocks, draw);
    const sources = sourcesFor(run, next, left)!;
    t.is(sources.length, blocks);
    for (const [block, source] of sources.entries()) {
      const holder = plan.stages.findIndex(({ firstBlock, lastBlock }) => firstBlock <= block && block <= lastBlock);
      const kept = holder === count - 1 ? holder - 1 : holder + 1;
      t.true([`pi-${holder}`, `pi-${kept}`].includes(source!), 'it held the block, or its neighbour’s replica');
      t.true(left.has(source!));
    }
    // What each gives is what others get, and every block comes from one place.
    const parts = [...left.keys()].map((board) => ({ board, ...restoringOf(next, sources, board) }));
    const got = parts.flatMap(({ own, gets, fromHub }) => [...own, ...gets, ...fromHub]);
    t.deepEqual(
      got.toSorted((a, b) => a - b),
      Array.from({ length: blocks }, (_, block) => block),
    );
    const given = parts.flatMap(({ gives }) => [...gives.values()].flat());
    t.deepEqual(
      given.toSorted((a, b) => a - b),
      parts.flatMap(({ gets }) => gets).toSorted((a, b) => a - b),
    );
  }
});

test('two neighbours that are lost at once leave the hub’s copy, or the beginning', (t) => {
  const plan = pipeline([2, 1, 1, 3]);
  const boards = boardsOf(plan);
  for (const at of [0, 1, 2]) {
    const left = without(boards, [`pi-${at}`, `pi-${at + 1}`]);
    const run = running(plan, boards);
    t.is(restorableStep(run, left), 20);
    t.is(restorableStep({ ...run, held: undefined }, left), 0);
    t.is(
      sourcesFor(
        run,
        planFor([...left.keys()], 7, () => 0.5),
        left,
      ),
      undefined,
      'no plan can begin with step 60',
    );
  }
});

test('a board that was started anew, or is silent, holds nothing that can be had', (t) => {
  const plan = pipeline([1, 1]);
  const boards = new Map(boardsOf(plan));
  const run = running(plan, boards);
  boards.set('pi-0', { ...boards.get('pi-0'), online: { dataUrl: '', pid: 7 } });
  t.is(restorableStep(run, boards), 60);
  boards.set('pi-1', { ...boards.get('pi-1'), silent: true });
  t.is(restorableStep(run, boards), 20);
  boards.set('pi-1', { ...boards.get('pi-1'), silent: false });
  t.is(restorableStep(run, boards), 60, 'a paused process has kept it');
});

test('a board that was lost before its state was held is no holder', (t) => {
  const plan = pipeline([1, 1, 1]);
  const { stages } = running(plan);
  const gone = stages.map((stage) => (stage.stage === 1 ? { ...stage, stopped: true } : stage));
  t.deepEqual(holdersOf(replicaOf(60, gone, boardsOf(plan))), ['pi-0', 'pi-2']);
});

test('the newer of what boards and the hub hold counts, and the hub gives what boards do not hold of that step', (t) => {
  const plan = pipeline([1, 1, 1]);
  const boards = boardsOf(plan);
  const run = running(plan, boards, { held: 80 });
  t.is(restorableStep(run, boards), 80);
  const at80 = { ...run, request: { ...run.request, settings: { ...run.request.settings, fromStep: 80 } } };
  t.deepEqual(sourcesFor(at80, plan, boards), [null, null, null]);
  const both = running(plan, boards, { held: 60 });
  t.deepEqual(sourcesFor(both, plan, without(boards, ['pi-0', 'pi-1'])), [null, 'pi-2', 'pi-2']);
});

test('a run that begins anew has its state from the seed, or from what it was given', (t) => {
  const plan = pipeline([1, 1]);
  const run = running(plan, boardsOf(plan), { held: undefined, replica: undefined });
  const from = (restores: boolean) => {
    const settings = { ...run.request.settings, fromStep: 0 };
    return sourcesFor({ ...run, request: { ...run.request, restores, settings } }, plan, boardsOf(plan));
  };
  t.deepEqual(from(false), []);
  t.deepEqual(from(true), [null, null]);
});

test('a block stays where it is held, and else comes from a board of the plan before one without a stage', (t) => {
  const plan = pipeline([1, 1, 1]);
  const boards = boardsOf(plan);
  const run = running(plan, boards);
  const next = {
    ...pipeline([1, 2], 2),
    stages: pipeline([1, 2], 2).stages.map((stage, at) => ({ ...stage, board: ['pi-2', 'pi-1'][at]! })),
  };
  // pi-0 is being drained: it is there, and is asked only for what nobody of the plan holds.
  t.deepEqual(sourcesFor(run, next, boards), ['pi-1', 'pi-1', 'pi-1']);
  t.deepEqual(sourcesFor(run, next, without(boards, ['pi-1'])), ['pi-0', 'pi-2', 'pi-2']);
});

test('a board that says that it does not hold what it was to give is asked no more', (t) => {
  const plan = pipeline([1, 1, 1]);
  const boards = boardsOf(plan);
  const run = running(plan, boards);
  const asked = { ...run, replica: withoutHolder(run.replica, 'pi-1') };
  t.is(restorableStep(asked, boards), 60);
  t.is(restorableStep({ ...run, replica: withoutHolder(asked.replica, 'pi-0') }, boards), 20);
});

test('boards hold each other’s state where there are several, and all have room for it', (t) => {
  const plan = pipeline([1, 2, 1]);
  const run = running(plan);
  // A stage of 1 MB; of 40 bytes a block its own twice, and twice what it keeps for others: pi-1 for pi-0 and pi-2.
  const needed = 1e6 + 2 * 80 + 2 * (40 + 40);
  t.true(replicates(run, boardsOf(plan, needed)));
  t.false(replicates(run, boardsOf(plan, needed - 1)));
  t.deepEqual(replicaShortfall(run, boardsOf(plan, needed - 1)), {
    board: 'pi-1',
    neededBytes: needed,
    memoryBytes: needed - 1,
  });
  t.false(replicates({ ...run, stages: run.stages.slice(0, 1) }, boardsOf(plan)));
  const never = { ...run.request, settings: { ...run.request.settings, replicateEverySteps: 0 } };
  t.false(replicates({ ...run, request: never }, boardsOf(plan)));
});
