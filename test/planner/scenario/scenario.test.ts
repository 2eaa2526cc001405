import test from 'ava';
import {
  fleetChanges,
  MemoryError,
  PartitionInputError,
  parseScenario,
  partition,
  planScenario,
  ScenarioError,
  scenarioProblem,
  simulateChurn,
} from '../../../planner/index.ts';

const good = `version: 1
model: cifarnet
batch: 16
microBatches: [2, 4]
boards:
  - { id: pi4, count: 2, gflops: 12, memoryMB: 2000 }
  - { id: nano, gflops: 30, memoryMB: 3000, callMilliseconds: 0.5 }
links:
  megabitsPerSecond: 100
  latencyMilliseconds: 2
  between:
    - { from: pi4-1, to: nano, megabitsPerSecond: 1000 }
`;

test('a scenario is read with its units', (t) => {
  const scenario = parseScenario(good, 'a.yaml');
  t.deepEqual(
    scenario.boards.map(({ id }) => id),
    ['pi4-1', 'pi4-2', 'nano'],
  );
  t.is(scenario.boards[2]!.flopsPerSecond, 30e9);
  t.is(scenario.boards[2]!.callSeconds, 5e-4);
  t.is(scenario.link.bytesPerSecond, 12.5e6);
  t.is(scenario.link.latencySeconds, 0.002);
  t.is(scenario.links.get('nano>pi4-1')!.bytesPerSecond, 125e6);
  t.is(scenario.links.get('pi4-1>nano')!.latencySeconds, 0.002);
  t.is(scenario.schedule, 'auto');
});

test('a scenario is planned and played', (t) => {
  const { partition: plan, simulation } = planScenario(parseScenario(good, 'a.yaml'));
  t.true([2, 4].includes(plan.microBatches));
  t.true(simulation.stepSeconds >= plan.stepSeconds * (1 - 1e-9));
});

test('the blocks of a scenario are those of its cuts, and more of them make no step longer', (t) => {
  const text = good.replace('cifarnet', 'resnet18');
  const planned = (cuts: string) => planScenario(parseScenario(text + cuts, 'a.yaml')).partition;
  const [usual, single, double] = [planned(''), planned('cuts: single\n'), planned('cuts: double\n')];
  t.deepEqual(usual, double);
  t.deepEqual(
    [single, double].map(({ stages }) => stages.at(-1)!.lastBlock),
    [9, 20],
  );
  t.true(double.stepSeconds <= single.stepSeconds);
});

test('the schedule is the one with the shortest step that fits, and the one with less in flight where steps are equal', (t) => {
  const planned = (text: string) => planScenario(parseScenario(text, 'a.yaml'));
  // Two equal boards, a link as slow as they are, and a stash that is most of what a board holds.
  const slow = `version: 1
batch: 32
microBatches: 32
blocks:
  - { count: 2, forwardMflops: 100, outputKB: 1000, stashKB: 40000 }
links: { megabitsPerSecond: 800, latencyMilliseconds: 1 }
boards:
  - { id: a, gflops: 10, memoryMB: 3000 }
  - { id: b, gflops: 10, memoryMB: 3000 }
useAll: true
`;
  const eager = planned(slow);
  t.is(eager.request.schedule, 'eager-1f1b');
  t.true(eager.partition.stepSeconds < 0.9 * planned(`${slow}schedule: 1f1b\n`).partition.stepSeconds);
  const small = slow.replaceAll('memoryMB: 3000', 'memoryMB: 220');
  t.is(planned(small).request.schedule, '1f1b');
  t.throws(() => planned(`${small}schedule: eager-1f1b\n`), { instanceOf: MemoryError });
  const one = slow.replace(/ {2}- \{ id: b.*\n/, '');
  t.is(planned(one).request.schedule, '1f1b');
});

test('a split that is given is played as it stands', (t) => {
  const blocks = 'blocks:\n  - { count: 4, forwardMflops: 10, outputKB: 4 }\n';
  const text = good.replace('model: cifarnet\n', blocks);
  const split = 'split:\n  - { board: nano, blocks: 3 }\n  - { board: pi4-2, blocks: 1 }\n';
  const { partition: plan } = planScenario(parseScenario(text + split, 'a.yaml'));
  t.deepEqual(
    plan.stages.map(({ board, firstBlock, lastBlock }) => [board, firstBlock, lastBlock]),
    [
      ['nano', 0, 2],
      ['pi4-2', 3, 3],
    ],
  );
  t.throws(() => planScenario(parseScenario(text + split.replace('3', '2'), 'a.yaml')), {
    instanceOf: PartitionInputError,
    message: /holds 3 blocks, but the model has 4/,
  });
});

const bad: readonly (readonly [what: string, text: string, line: number, key: string, message: RegExp])[] = [
  ['an unknown key', good.replace('batch:', 'bach:'), 3, 'bach', /unknown key 'bach'/],
  ['an unknown key of a board', good.replace('gflops: 12', 'gflop: 12'), 6, 'gflop', /unknown key 'gflop'/],
  ['cuts of another kind', `${good}cuts: triple\n`, 13, 'cuts', /triple/],
  ['a negative speed', good.replace('gflops: 12', 'gflops: -12'), 6, 'gflops', /gflops is -12; .* above 0/],
  ['a speed that is text', good.replace('gflops: 12', 'gflops: fast'), 6, 'gflops', /gflops is 'fast'/],
  ['an absurd speed', good.replace('gflops: 12', 'gflops: 1e30'), 6, 'gflops', /gflops is 1e\+30/],
  ['no memory at all', good.replace('memoryMB: 2000', 'memoryMB: 0'), 6, 'memoryMB', /memoryMB is 0/],
  [
    'a negative latency',
    good.replace('latencyMilliseconds: 2', 'latencyMilliseconds: -2'),
    10,
    'latencyMilliseconds',
    /-2/,
  ],
  [
    'an infinite rate',
    good.replace('megabitsPerSecond: 100\n', 'megabitsPerSecond: .inf\n'),
    9,
    'megabitsPerSecond',
    /Infinity/,
  ],
  [
    'micro-batches that do not divide',
    good.replace('[2, 4]', '[2, 5]'),
    4,
    'microBatches',
    /batch of 16 does not divide/,
  ],
  ['an unknown model', good.replace('cifarnet', 'gpt9'), 2, 'model', /'gpt9'.*cifarnet/],
  ['a board named twice', good.replace('id: nano,', 'id: pi4-1,'), 7, 'id', /'pi4-1' is taken/],
  ['a link to nobody', good.replace('to: nano', 'to: moon'), 12, 'to', /'moon', which is no board/],
  ['half a board', good.replace('count: 2', 'count: 1.5'), 6, 'count', /whole number/],
  ['too many boards', good.replace('count: 2', 'count: 1001'), 6, 'count', /up to 1000/],
  ['another version', good.replace('version: 1', 'version: 2'), 1, 'version', /version is 2/],
  ['no boards', good.replace(/boards:[\s\S]*links:/, 'boards: []\nlinks:'), 5, 'boards', /at least one item/],
  ['churn without rates', `${good}churn:\n  minutes: 3\n`, 14, 'leavePerMinute', /no key 'leavePerMinute'/],
  ['text that is not YAML', 'version: [1', 1, '', /not YAML/],
  ['a list', '- 1\n', 1, '', /key: value/],
];

for (const [what, text, line, key, message] of bad) {
  test(`${what} is refused with its line and key`, (t) => {
    const error = t.throws(() => parseScenario(text, 'a.yaml'), { instanceOf: ScenarioError, message });
    t.is(error.line, line);
    t.is(error.key, key);
    t.is(error.exitCode, 2);
    t.true(error.message.startsWith(`a.yaml, line ${line}: `));
  });
}

test('a fleet of churn leaves and joins at its rates, the same for the same seed', (t) => {
  const boards = parseScenario(good.replace('count: 2', 'count: 100'), 'a.yaml').boards;
  const churn = { minutes: 10, seed: 3, leavePerMinute: 0.2, joinPerMinute: 0.2 };
  const changes = [...fleetChanges(boards, churn)].map(({ at, kind, board }) => ({ at, kind, board }));
  t.deepEqual(
    changes,
    [...fleetChanges(boards, churn)].map(({ at, kind, board }) => ({ at, kind, board })),
  );
  t.true(changes.length > 300 && changes.length < 500, `${changes.length}`);
  const away = new Set<string>();
  for (const { kind, board } of changes) {
    t.is(away.has(board), kind === 'joined');
    if (kind === 'left') away.add(board);
    else away.delete(board);
  }
});

test('a plan made while boards come and go uses only boards that are there', (t) => {
  const scenario = parseScenario(good.replace('count: 2', 'count: 30'), 'a.yaml');
  let plans = 0;
  const summary = simulateChurn(
    scenario,
    { minutes: 1, seed: 1, leavePerMinute: 0.4, joinPerMinute: 0.3 },
    {
      onPlan: (plan, online) => {
        plans++;
        const there = new Set(online.map(({ id }) => id));
        t.true(plan!.stages.every(({ board }) => there.has(board)));
      },
    },
  );
  t.is(summary.plans, plans);
  t.true(summary.samples > 0 && summary.without === 0);
});

test('planning again with the same boards gives the same plan', (t) => {
  const scenario = parseScenario(good, 'a.yaml');
  const [request] = scenarioProblem(scenario).requestsFor(scenario.boards);
  t.deepEqual(partition(request!), partition(request!));
});
