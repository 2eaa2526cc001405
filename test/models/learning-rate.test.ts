import test from 'ava';
import {
  formatSchedule,
  type LearningRateSchedule,
  parseSchedule,
  randomStream,
  rateAt,
  ScheduleError,
} from '../../models/index.ts';

const parse = (text: string) => parseSchedule(text, { stepsPerEpoch: 50 });
const ratesOf = (schedule: LearningRateSchedule, steps: readonly number[], total: number) =>
  steps.map((step) => Number(rateAt(schedule, step, total).toPrecision(12)));

test('a constant rate stays', (t) => {
  t.deepEqual(ratesOf(parse('constant:0.05'), [0, 1, 999, 5000], 1000), [0.05, 0.05, 0.05, 0.05]);
});

test('a step schedule decays by its factor every so many steps', (t) => {
  const schedule = parse('step:0.1,every=30,factor=0.5');
  t.deepEqual(ratesOf(schedule, [0, 29, 30, 59, 60, 90], 100), [0.1, 0.1, 0.05, 0.05, 0.025, 0.0125]);
});

test('a cosine goes from the rate over its half to zero', (t) => {
  t.deepEqual(ratesOf(parse('cosine:0.2'), [0, 25, 50, 75, 100], 100), [0.2, 0.170710678119, 0.1, 0.0292893218813, 0]);
});

test('a cosine with a floor ends at the floor', (t) => {
  t.deepEqual(ratesOf(parse('cosine:0.2,floor=0.1'), [0, 50, 100], 100), [0.2, 0.15, 0.1]);
});

test('warm-up rises in equal steps, never from zero, and meets the full rate', (t) => {
  const schedule = parse('cosine:0.4,warmup=3');
  t.deepEqual(ratesOf(schedule, [0, 1, 2, 3, 53, 103], 103), [0.1, 0.2, 0.3, 0.4, 0.2, 0]);
});

test('a warm-up as long as the run, and steps beyond its end, give finite rates', (t) => {
  t.deepEqual(ratesOf(parse('cosine:0.4,warmup=9'), [0, 8, 9], 9), [0.04, 0.36, 0.4]);
  t.deepEqual(ratesOf(parse('cosine:0.4'), [100, 101, 1e6], 100), [0, 0, 0]);
});

test('lengths may be given in epochs', (t) => {
  t.deepEqual(parse('step:0.1,every=3epochs'), { kind: 'step', rate: 0.1, every: 150, factor: 0.1 });
  t.deepEqual(parse('cosine:0.1, warmup=1epoch'), { kind: 'cosine', rate: 0.1, warmup: 50, floor: 0 });
  t.deepEqual(parse('step:1e-2,every=7 steps'), { kind: 'step', rate: 0.01, every: 7, factor: 0.1 });
});

test('a number alone is a constant rate', (t) => {
  t.deepEqual(parse(' .05 '), { kind: 'constant', rate: 0.05 });
});

test('a schedule is written as the text that reads as the same schedule', (t) => {
  t.is(formatSchedule(parse('cosine:0.1,warmup=2epochs')), 'cosine:0.1,warmup=100,floor=0');
  const stream = randomStream(1, 'schedules');
  for (let i = 0; i < 200; i++) {
    const rate = stream.uniform() * 10 ** -stream.integer(8) + 1e-9;
    const schedules: LearningRateSchedule[] = [
      { kind: 'constant', rate },
      { kind: 'step', rate, every: 1 + stream.integer(1e6), factor: 1 - stream.uniform() },
      { kind: 'cosine', rate, warmup: stream.integer(1e6), floor: rate * stream.uniform() },
    ];
    for (const schedule of schedules) t.deepEqual(parse(formatSchedule(schedule)), schedule);
  }
});

const refused: readonly (readonly [string, RegExp])[] = [
  ['', /the rate is ''/],
  ['fast', /the rate is 'fast'/],
  ['constant:', /the rate is ''/],
  ['constant:0', /the rate is '0': give a number above 0/],
  ['constant:-0.1', /the rate is '-0.1'/],
  ['constant:NaN', /the rate is 'NaN'/],
  ['constant:1e999', /the rate is '1e999'/],
  ['0x10', /the rate is '0x10'/],
  ['linear:0.1', /'linear' is none of the schedules constant, step, cosine/],
  ['constructor:0.1', /'constructor' is none/],
  ['constant:0.1,every=3', /constant takes no option 'every'/],
  ['step:0.1', /option 'every' is missing/],
  ['step:0.1,every=0', /every is '0': give whole steps from 1 up/],
  ['step:0.1,every=2.5', /every is '2.5'/],
  ['step:0.1,every=-3', /every is '-3'/],
  ['step:0.1,every=3weeks', /every is '3weeks'/],
  ['step:0.1,every=99999999999999999', /every is '99999999999999999'/],
  ['step:0.1,every=3,factor=0', /factor is '0': give a number above 0 and at most 1/],
  ['step:0.1,every=3,factor=1.5', /factor is '1.5'/],
  ['step:0.1,every=3,every=4', /option 'every' is given twice/],
  ['cosine:0.1,warmup', /'warmup' is not of the form option=value/],
  ['cosine:0.1,warmup=1=2', /'warmup=1=2' is not/],
  ['cosine:0.1,', /'' is not of the form/],
  ['cosine:0.1,floor=0.2', /floor is '0.2': give a number from 0 to the rate, 0.1/],
];

for (const [text, problem] of refused) {
  test(`'${text}' is no schedule, and the error says why`, (t) => {
    const error = t.throws(() => parse(text), { instanceOf: ScheduleError })!;
    t.regex(error.message, problem);
    t.true(error.message.includes(`'${text}'`));
    t.deepEqual([error.code, error.exitCode], ['LEARNING_RATE', 2]);
  });
}
