import test from 'ava';
import { engineBaseBytes, estimateStageMemory, type RunCost, totalMemory } from '../../planner/index.ts';

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
