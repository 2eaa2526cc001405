import test from 'ava';
import {
  BatchDivisionError,
  type Plan,
  PlanConflictError,
  PlanFieldError,
  type PlanStage,
  parsePlan,
  validatePlan,
} from '../../planner/index.ts';
import { aPlan } from './examples.ts';

/** A copy of a valid plan in which one field, named by its path, is another value; `undefined` removes it. */
function changed(path: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(aPlan()) as unknown as Record<string | number, unknown>;
  let at = copy;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  const last = path.at(-1)!;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

test('a plan comes back from JSON as it was', (t) => {
  const plan = aPlan();
  t.deepEqual(parsePlan(JSON.parse(JSON.stringify(plan))), plan);
});

test('a plan holds what it was created from', (t) => {
  const plan = aPlan({ data: { name: 'shapes', options: { samples: 1000 } } });
  t.is(plan.version, 1);
  t.is(plan.blocks, 5);
  t.deepEqual(plan.data, { name: 'shapes', options: { samples: 1000 } });
  t.deepEqual(
    plan.stages.map(({ board, dataUrl }) => [board, dataUrl]),
    [
      ['board0', 'mqtt://127.0.0.2:1883'],
      ['board1', undefined],
      ['board2', 'mqtt://127.0.0.4:1883'],
    ],
  );
  t.false(Object.hasOwn(plan.stages[1]!, 'dataUrl'));
});

test('a plan does not share its options with what it was parsed from', (t) => {
  const source = structuredClone(aPlan());
  t.not(parsePlan(source).model.options, source.model.options);
});

const required = Object.keys(aPlan()) as readonly (keyof Plan)[];
for (const field of required) {
  test(`a plan without ${field} is refused by the field's name`, (t) => {
    const error = t.throws(() => parsePlan(changed([field], undefined)), { instanceOf: PlanFieldError });
    t.is(error.path, `plan.${field}`);
    t.regex(error.message, /missing/);
  });
}

const requiredOfStage = Object.keys(aPlan().stages[1]!) as readonly (keyof PlanStage)[];
for (const field of requiredOfStage) {
  test(`a stage without ${field} is refused by the field's name`, (t) => {
    const error = t.throws(() => parsePlan(changed(['stages', 1, field], undefined)), { instanceOf: PlanFieldError });
    t.is(error.path, `plan.stages[1].${field}`);
  });
}

const bad: readonly (readonly [path: readonly (string | number)[], value: unknown])[] = [
  [['version'], 2],
  [['run'], ''],
  [['run'], 'x'.repeat(2000)],
  [['run'], 7],
  [['term'], 0],
  [['term'], 1.5],
  [['term'], '1'],
  [['model'], 'vgg11'],
  [['model', 'name'], null],
  [['model', 'options'], []],
  [['model', 'options', 'classes'], Number.NaN],
  [['model', 'extra'], 1],
  [['optimizer', 'options', 'when'], new Date(0)],
  [['learningRate', 'name'], 3],
  [['blocks'], 0],
  [['batch'], -64],
  [['microBatches'], 0],
  [['microBatches'], 1025],
  [['schedule'], 'zb-h1'],
  [['schedule'], 'constructor'],
  [['seed'], -1],
  [['seed'], 2 ** 53],
  [['data'], 'shapes'],
  [['stages'], []],
  [['stages'], {}],
  [['stages', 0], null],
  [['stages', 1, 'stage'], 2],
  [['stages', 1, 'board'], ''],
  [['stages', 1, 'firstBlock'], -1],
  [['stages', 1, 'lastBlock'], 1e300],
  [['stages', 1, 'dataUrl'], 'http://127.0.0.3'],
  [['stages', 1, 'dataUrl'], '127.0.0.3:1883'],
  [['stages', 1, 'predictedSeconds'], Number.POSITIVE_INFINITY],
  [['stages', 1, 'flopsShare'], 1.01],
  [['stages', 1, 'memoryBytes'], -1],
  [['stages', 1, 'speed'], 5],
  [['leader'], true],
];

for (const [path, value] of bad) {
  const name = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
  const shown = typeof value === 'string' ? `'${value.slice(0, 30)}'` : String(JSON.stringify(value));
  test(`plan${name} = ${shown} (${typeof value} ${String(value).slice(0, 20)}) is refused`, (t) => {
    const error = t.throws(() => parsePlan(changed(path, value)), { instanceOf: PlanFieldError });
    t.is(error.path, `plan${name}`);
    t.true(error.message.startsWith(`plan${name} must be `));
    t.is(error.exitCode, 2);
  });
}

for (const value of [undefined, null, 7, 'plan', [], new Map()]) {
  test(`${Array.isArray(value) ? 'a list' : String(value)} is no plan`, (t) => {
    t.throws(() => parsePlan(value), { instanceOf: PlanFieldError, message: /^plan must be an object/ });
  });
}

test('an own __proto__ field is refused, and in options it stays data', (t) => {
  const text = JSON.stringify(aPlan());
  t.throws(() => parsePlan(JSON.parse(text.replace('{', '{"__proto__":{"a":1},'))), { instanceOf: PlanFieldError });
  const plan = parsePlan(JSON.parse(text.replace('"options":{', '"options":{"__proto__":{"a":1},')));
  t.is(Object.getPrototypeOf(plan.model.options), Object.prototype);
});

test('options nested without end are refused', (t) => {
  let nested: unknown = 1;
  for (let depth = 0; depth < 20_000; depth++) nested = [nested];
  t.throws(() => parsePlan({ ...aPlan(), model: { name: 'mlp', options: { nested } } }), {
    instanceOf: PlanFieldError,
  });
});

test('a batch that does not divide into its micro-batches is refused with both numbers', (t) => {
  const error = t.throws(() => aPlan({ batch: 30 }), { instanceOf: BatchDivisionError });
  t.regex(error.message, /30.*4 micro-batches/);
});

/** A valid plan whose stages hold these blocks, first and last. */
function withRuns(runs: readonly (readonly [number, number])[]): Plan {
  const plan = aPlan();
  return {
    ...plan,
    stages: runs.map(([firstBlock, lastBlock], index) => ({ ...plan.stages[index]!, firstBlock, lastBlock })),
  };
}

const splits = [
  [
    'a block that nobody holds',
    withRuns([
      [0, 0],
      [2, 3],
      [4, 4],
    ]),
    /no stage holds block 1/,
  ],
  [
    'a block held twice',
    withRuns([
      [0, 1],
      [1, 3],
      [4, 4],
    ]),
    /block 1 is held twice/,
  ],
  [
    'a first block that nobody holds',
    withRuns([
      [1, 1],
      [2, 3],
      [4, 4],
    ]),
    /no stage holds block 0/,
  ],
  [
    'a last block that nobody holds',
    withRuns([
      [0, 1],
      [2, 2],
      [3, 3],
    ]),
    /no stage holds block 4 of 5/,
  ],
  [
    'a block that the model has not',
    withRuns([
      [0, 1],
      [2, 3],
      [4, 5],
    ]),
    /only 5 blocks/,
  ],
  [
    'a stage without blocks',
    withRuns([
      [0, 1],
      [2, 1],
      [2, 4],
    ]),
    /holds no block/,
  ],
] as const;

for (const [what, plan, message] of splits) {
  test(`a plan with ${what} is refused`, (t) => {
    t.throws(() => validatePlan(plan), { instanceOf: PlanConflictError, message });
    t.throws(() => parsePlan(plan), { instanceOf: PlanConflictError });
  });
}

test('a board used twice is refused with both stages', (t) => {
  const plan = aPlan();
  const stages = plan.stages.with(2, { ...plan.stages[2]!, board: 'board0' });
  const error = t.throws(() => validatePlan({ ...plan, stages }), { instanceOf: PlanConflictError });
  t.regex(error.message, /'board0' is used by stages 0 and 2/);
});

test('createPlan refuses what parsePlan refuses', (t) => {
  t.throws(() => aPlan({ term: 0 }), { instanceOf: PlanFieldError, message: /plan\.term/ });
});
