import test from 'ava';
import {
  CountError,
  formatSchedule,
  generateSchedule,
  type ScheduleName,
  scheduleNames,
} from '../../../planner/index.ts';

const golden: readonly { name: ScheduleName; stages: number; microBatches: number; prints: readonly string[] }[] = [
  { name: '1f1b', stages: 1, microBatches: 3, prints: ['F0 B0 F1 B1 F2 B2 U'] },
  { name: '1f1b', stages: 2, microBatches: 3, prints: ['F0 F1 B0 F2 B1 B2 U', 'F0 B0 F1 B1 F2 B2 U'] },
  {
    name: '1f1b',
    stages: 3,
    microBatches: 4,
    prints: ['F0 F1 F2 B0 F3 B1 B2 B3 U', 'F0 F1 B0 F2 B1 F3 B2 B3 U', 'F0 B0 F1 B1 F2 B2 F3 B3 U'],
  },
  {
    name: '1f1b',
    stages: 4,
    microBatches: 4,
    prints: [
      'F0 F1 F2 F3 B0 B1 B2 B3 U',
      'F0 F1 F2 B0 F3 B1 B2 B3 U',
      'F0 F1 B0 F2 B1 F3 B2 B3 U',
      'F0 B0 F1 B1 F2 B2 F3 B3 U',
    ],
  },
  { name: '1f1b', stages: 3, microBatches: 1, prints: ['F0 B0 U', 'F0 B0 U', 'F0 B0 U'] },
  {
    name: 'eager-1f1b',
    stages: 3,
    microBatches: 5,
    prints: ['F0 F1 F2 F3 F4 B0 B1 B2 B3 B4 U', 'F0 F1 F2 B0 F3 B1 F4 B2 B3 B4 U', 'F0 B0 F1 B1 F2 B2 F3 B3 F4 B4 U'],
  },
  { name: 'eager-1f1b', stages: 1, microBatches: 2, prints: ['F0 B0 F1 B1 U'] },
  { name: 'gpipe', stages: 1, microBatches: 2, prints: ['F0 F1 B0 B1 U'] },
  { name: 'gpipe', stages: 2, microBatches: 3, prints: ['F0 F1 F2 B0 B1 B2 U', 'F0 F1 F2 B0 B1 B2 U'] },
];

for (const { name, stages, microBatches, prints } of golden) {
  test(`${name} for ${stages} stages and ${microBatches} micro-batches prints as written down`, (t) => {
    t.is(formatSchedule(generateSchedule(name, stages, microBatches)), prints.join('\n'));
  });
}

test('backwards run in the same order under every schedule, so that gradients add up alike', (t) => {
  const backwards = (name: ScheduleName) =>
    generateSchedule(name, 4, 8).map((stage) => stage.filter(({ kind }) => kind === 'backward'));
  for (const name of scheduleNames) t.deepEqual(backwards(name), backwards('1f1b'), name);
});

for (const count of [0, -1, 1.5, Number.NaN]) {
  test(`${count} stages or micro-batches are refused`, (t) => {
    t.throws(() => generateSchedule('1f1b', count, 4), { instanceOf: CountError, message: /stages/ });
    t.throws(() => generateSchedule('1f1b', 4, count), { instanceOf: CountError, message: /micro-batches/ });
  });
}
