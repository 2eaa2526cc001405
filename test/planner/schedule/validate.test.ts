import test from 'ava';
import {
  buildSchedule,
  CountError,
  defaultQueueCapacity,
  generateSchedule,
  parseSchedule,
  ScheduleDeadlockError,
  ScheduleError,
  scheduleNames,
  validateSchedule,
} from '../../../planner/index.ts';

const counts = [1, 2, 3, 4, 5, 7, 8, 12, 16, 33];

for (const name of scheduleNames) {
  test(`${name} runs to its end for any number of stages and micro-batches, also with one place a queue`, (t) => {
    for (const stages of counts) {
      for (const microBatches of counts) {
        const schedule = buildSchedule(name, stages, microBatches);
        for (const queueCapacity of [1, defaultQueueCapacity, 100]) {
          const valid = validateSchedule(schedule, { queueCapacity });
          t.is(valid.stages, stages);
          t.is(valid.microBatches, microBatches);
        }
      }
    }
  });
}

test('1F1B keeps as many micro-batches as there are stages from here to the end, and none at the fused loss', (t) => {
  for (const stages of counts) {
    for (const microBatches of counts) {
      const expected = Array.from({ length: stages }, (_, s) =>
        s === stages - 1 ? 0 : Math.min(microBatches, stages - s),
      );
      t.deepEqual(validateSchedule(buildSchedule('1f1b', stages, microBatches)).stashSlots, expected);
    }
  }
});

test('eager 1F1B keeps two micro-batches for each stage behind and its own', (t) => {
  t.deepEqual(validateSchedule(buildSchedule('eager-1f1b', 4, 16)).stashSlots, [7, 5, 3, 0]);
  t.deepEqual(validateSchedule(buildSchedule('eager-1f1b', 4, 4)).stashSlots, [4, 4, 3, 0]);
});

test('GPipe keeps every micro-batch on every stage', (t) => {
  t.deepEqual(validateSchedule(buildSchedule('gpipe', 3, 8)).stashSlots, [8, 8, 8]);
});

test('1000 stages are validated', (t) => {
  t.is(validateSchedule(buildSchedule('1f1b', 1000, 8)).stages, 1000);
});

test('a stuck schedule names what waits for what', (t) => {
  // Stage 1 wants micro-batch 1 before it gives back the gradient of 0, which stage 0 waits for before it sends 1.
  const schedule = parseSchedule('F0 SA0 RG0 B0 F1 SA1 RG1 B1 U\nRA0 F0 RA1 F1 B0 SG0 B1 SG1 U');
  const error = t.throws(() => validateSchedule(schedule), { instanceOf: ScheduleDeadlockError });
  t.deepEqual(error.waits, [
    'stage 0 waits at RG0 for stage 1 to send the gradient of micro-batch 0',
    'stage 1 waits at RA1 for stage 0 to send the activation of micro-batch 1',
  ]);
  t.true(error.message.startsWith('the schedule is stuck: stage 0 waits at RG0'));
});

test('a send into a full queue that nobody empties is a deadlock, and more places resolve it', (t) => {
  const schedule = parseSchedule(
    'F0 SA0 F1 SA1 F2 SA2 RG2 B2 RG1 B1 RG0 B0 U\nRA2 F2 B2 SG2 RA1 F1 B1 SG1 RA0 F0 B0 SG0 U',
  );
  const error = t.throws(() => validateSchedule(schedule, { queueCapacity: 2 }), { instanceOf: ScheduleDeadlockError });
  t.is(error.waits[0], 'stage 0 waits at SA2 for stage 1 to take one of the 2 activations in its queue');
  t.notThrows(() => validateSchedule(schedule, { queueCapacity: 3 }));
});

const broken = [
  ['without its communication', 'F0 B0 U\nF0 B0 U', /stage 0: B0 .*before its receiveGradient/],
  ['where a stage has no activation', 'F0 SA0 RG0 B0 U\nF0 B0 SG0 U', /stage 1: F0 .*before its receiveActivation/],
  ['with a backward before its forward', 'B0 F0 U', /stage 0: B0 .*before its forward/],
  ['with a forward done twice', 'F0 F0 B0 U', /F0 \(instruction 1\) is done twice/],
  ['with a micro-batch done both fused and not', 'FB0 F0 B0 U', /F0 \(instruction 1\) is done twice/],
  ['with a micro-batch that never goes back', 'F0 F1 B0 U', /micro-batch 1 has no backward/],
  ['with a micro-batch that the second stage does not know', 'F0 SA0 RG0 B0 U\nRA0 F0 B0 SG0 RA1 U', /stage 1: RA1/],
  ['with a send that is missing', 'F0 RG0 B0 U\nRA0 FB0 SG0 U', /RG0 .*before its sendActivation/],
  ['with a gradient that is not sent back', 'F0 SA0 RG0 B0 U\nRA0 FB0 U', /stage 1: micro-batch 0 has no sendGradient/],
  ['where stage 0 sends a gradient', 'F0 B0 SG0 U', /SG0 .*no neighbour/],
  ['where the last stage sends an activation', 'F0 SA0 B0 U', /SA0 .*no neighbour/],
  ['that fuses before the last stage', 'FB0 SA0 RG0 U\nRA0 FB0 SG0 U', /FB0 .*does not compute the loss/],
  ['without an update', 'F0 B0', /does not end with an update/],
  ['with two updates', 'F0 B0 U U', /U \(instruction 2\) is not the last/],
  ['with an update in the middle', 'F0 U B0', /U \(instruction 1\) is not the last/],
  ['with a gap in its micro-batches', 'F0 B0 F2 B2 U', /F2 .*outside of the 2 micro-batches/],
  ['with a huge micro-batch', 'F9007199254740991 B0 U', /outside of the 1 micro-batches/],
  ['without a micro-batch', 'U', /no micro-batch/],
] as const;

for (const [what, schedule, message] of broken) {
  test(`a schedule ${what} is refused with its stage and instruction`, (t) => {
    t.throws(() => validateSchedule(parseSchedule(schedule)), { instanceOf: ScheduleError, message });
  });
}

test('leaving out any one instruction of a valid schedule is found', (t) => {
  for (const name of scheduleNames) {
    const schedule = buildSchedule(name, 3, 4);
    for (const [stage, instructions] of schedule.entries()) {
      for (const index of instructions.keys()) {
        t.throws(() => validateSchedule(schedule.with(stage, instructions.toSpliced(index, 1))));
      }
    }
  }
});

test('an empty schedule and a queue without places are refused', (t) => {
  t.throws(() => validateSchedule([]), { instanceOf: CountError });
  t.throws(() => validateSchedule(generateSchedule('1f1b', 1, 1), { queueCapacity: 0 }), { instanceOf: CountError });
});
