import test from 'ava';
import type { Cuts } from '../../../models/index.ts';
import { defineRun } from '../../../planner/coordinator/define-run.ts';
import { someSettings } from './fake-fleet.ts';

for (const [what, overrides, code] of [
  ['a batch that does not divide', { batch: 9 }, 'PLAN_BATCH_DIVISION'],
  ['more boards than blocks', { boards: 5 }, 'PARTITION_MORE_BOARDS_THAN_BLOCKS'],
  [
    'cuts of another kind',
    { model: { name: 'mlp', classes: 4, inputShape: [4], cuts: 'triple' as Cuts } },
    'MODEL_CUTS',
  ],
  ['no boards', { boards: 0 }, 'PLANNER_COUNT'],
  ['a board named twice', { boards: ['pi-1', 'pi-1'] }, 'RUN_SETTINGS'],
  ['nothing left to do', { steps: 4, fromStep: 4 }, 'RUN_SETTINGS'],
  ['a checkpoint that is empty', { restore: new Map() }, 'RESTORE_MISMATCH'],
] as const) {
  test(`${what} is refused before anything is sent`, (t) => {
    t.like(
      t.throws(() => defineRun(someSettings(overrides))),
      { code, exitCode: 2 },
    );
  });
}

test('state of another shape, or of a tensor that the model has not, is refused by name', (t) => {
  const tensors = defineRun(someSettings())
    .layout.flat()
    .map(({ name, shape }) => {
      return [name, { shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) }] as const;
    });
  const strange = new Map([...tensors, ['fc9.weight', { shape: [1], data: new Float32Array(1) }] as const]);
  t.regex(t.throws(() => defineRun(someSettings({ restore: strange })))!.message, /it has no tensor 'fc9.weight'/);
  const [name] = tensors[0]!;
  const bent = new Map(tensors).set(name, { shape: [1, 2], data: new Float32Array(2) });
  t.true(t.throws(() => defineRun(someSettings({ restore: bent })))!.message.includes(`'${name}' has shape [1,2]`));
});

test('cuts where two tensors cross make more blocks, with the same state in the same order', (t) => {
  const model = { name: 'resnet18', classes: 10, inputShape: [3, 32, 32] };
  const [unsaid, single, double] = [undefined, 'single', 'double'].map((cuts) =>
    defineRun(someSettings({ model: { ...model, ...(cuts && { cuts: cuts as Cuts }) } })),
  );
  t.deepEqual(single!.blocks, unsaid!.blocks);
  t.deepEqual([single!.blocks.length, double!.blocks.length], [10, 21]);
  t.deepEqual(double!.layout.flat(), single!.layout.flat());
});

test("a block's state is each parameter followed by its optimizer state", (t) => {
  const { layout, blocks } = defineRun(someSettings());
  t.is(layout.length, blocks.length);
  t.is(layout[0]![1]!.name, `optimizer.momentum.${layout[0]![0]!.name}`);
});
