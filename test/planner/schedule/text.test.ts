import test from 'ava';
import {
  buildSchedule,
  formatInstruction,
  formatInstructions,
  formatSchedule,
  generateSchedule,
  parseInstructions,
  parseSchedule,
  parseScheduleWish,
  ScheduleSyntaxError,
  scheduleNames,
  UnknownScheduleError,
} from '../../../planner/index.ts';

test('every kind of instruction prints as its letters', (t) => {
  const words = 'F0 B1 FB2 SA3 RA4 SG5 RG10 U';
  const kinds = parseInstructions(words).map(({ kind }) => kind);
  t.deepEqual(kinds, [
    'forward',
    'backward',
    'forwardBackward',
    'sendActivation',
    'receiveActivation',
    'sendGradient',
    'receiveGradient',
    'update',
  ]);
  t.is(formatInstructions(parseInstructions(words)), words);
  t.is(formatInstruction({ kind: 'sendGradient', microBatch: 12 }), 'SG12');
});

test('a schedule that was printed reads back as it was', (t) => {
  for (const name of scheduleNames) {
    const schedule = buildSchedule(name, 4, 6);
    t.deepEqual(parseSchedule(formatSchedule(schedule)), schedule);
  }
});

test('empty lines and more spaces do not matter', (t) => {
  t.deepEqual(parseSchedule('\n  F0   B0 U \n\n'), generateSchedule('1f1b', 1, 1));
});

for (const word of ['X0', 'F', 'F-1', 'F1.5', 'F01', 'f0', 'U1', 'FF0', '0', 'F99999999999999999']) {
  test(`'${word}' is refused as an instruction, with its place`, (t) => {
    const error = t.throws(() => parseInstructions(`F0 ${word} U`), { instanceOf: ScheduleSyntaxError });
    t.true(error.message.includes(`'${word}' (word 2)`));
    t.is(error.exitCode, 2);
  });
}

test('an unknown schedule is refused with the names there are', (t) => {
  t.is(parseScheduleWish('gpipe'), 'gpipe');
  t.is(parseScheduleWish('auto'), 'auto');
  const error = t.throws(() => parseScheduleWish('zb-h1'), { instanceOf: UnknownScheduleError });
  t.regex(error.message, /'zb-h1'.*auto, 1f1b, eager-1f1b, gpipe/);
  t.throws(() => parseScheduleWish('toString'), { instanceOf: UnknownScheduleError });
});
