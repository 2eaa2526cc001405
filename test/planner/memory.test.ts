import test from 'ava';
import { engineBaseBytes, estimateStageMemory, type RunCost, replicaMemory, totalMemory } from '../../planner/index.ts';

const run: RunCost = {
  flops: 1,
  parameterBytes: 1000,
  optimizerBytes: 500,
  stashBytesPerMicroBatch: 70,
  workspaceBytes: 40,
  inputBytes: 6,
  outputBytes: 4,
};

test('every part of a stage is counted once', (t) => {
  const memory = estimateStageMemory(run, { stashSlots: 3, queueCapacity: 2, engineBytes: 9 });
  t.deepEqual(memory, {
    parameters: 1000,
    optimizer: 500,
    gradients: 2000,
    stash: 210,
    messages: 20,
    workspace: 40,
    engine: 9,
  });
  t.is(totalMemory(memory), 3779);
});

test('a fused loss stage still holds one micro-batch while it runs', (t) => {
  t.is(estimateStageMemory(run, { stashSlots: 0 }).stash, 70);
});

test('an agent weighs something before it holds a block', (t) => {
  t.is(estimateStageMemory(run, { stashSlots: 1 }).engine, engineBaseBytes);
});

test('a board holds its own state twice while a replica is under way, and that of the stages that give it theirs', (t) => {
  t.deepEqual(replicaMemory([10, 20, 30, 40]), [20, 2 * (20 + 10), 2 * (30 + 20 + 40), 2 * (40 + 30)]);
  t.deepEqual(replicaMemory([10, 20]), [60, 60]);
  t.deepEqual(replicaMemory([10]), [0]);
});
