import test from 'ava';
import {
  addCommunication,
  buildSchedule,
  formatSchedule,
  fuseLossStage,
  generateSchedule,
  parseInstructions,
  parseSchedule,
  stashSlots,
} from '../../../planner/index.ts';

test('1F1B for three stages with communication and fused loss prints as written down', (t) => {
  t.is(
    formatSchedule(buildSchedule('1f1b', 3, 3)),
    [
      'F0 SA0 F1 SA1 F2 SA2 RG0 B0 RG1 B1 RG2 B2 U',
      'RA0 F0 SA0 RA1 F1 SA1 RG0 B0 SG0 RA2 F2 SA2 RG1 B1 SG1 RG2 B2 SG2 U',
      'RA0 FB0 SG0 RA1 FB1 SG1 RA2 FB2 SG2 U',
    ].join('\n'),
  );
});

test('one stage alone neither sends nor receives', (t) => {
  t.is(formatSchedule(buildSchedule('1f1b', 1, 2)), 'FB0 FB1 U');
});

test('the passes give the same in either order', (t) => {
  for (const name of ['1f1b', 'gpipe'] as const) {
    for (const stages of [1, 2, 4]) {
      const schedule = generateSchedule(name, stages, 5);
      t.is(
        formatSchedule(addCommunication(fuseLossStage(schedule))),
        formatSchedule(fuseLossStage(addCommunication(schedule))),
      );
    }
  }
});

test('only a forward directly followed by its own backward is fused', (t) => {
  const schedule = parseSchedule('F0 F1 B0 B1 F2 B2 U');
  t.is(formatSchedule(fuseLossStage(schedule)), 'F0 F1 B0 B1 FB2 U');
});

test('stages before the last are not fused', (t) => {
  const [first] = fuseLossStage(parseSchedule('F0 B0 U\nF0 B0 U'));
  t.deepEqual(first, parseInstructions('F0 B0 U'));
});

test('a pass leaves the schedule it was given unchanged', (t) => {
  const schedule = generateSchedule('1f1b', 2, 2);
  const before = formatSchedule(schedule);
  addCommunication(fuseLossStage(schedule));
  t.is(formatSchedule(schedule), before);
});

test('stash slots are the most micro-batches between forward and backward', (t) => {
  t.is(stashSlots(parseInstructions('F0 F1 B0 F2 B1 B2 U')), 2);
  t.is(stashSlots(parseInstructions('F0 F1 F2 B0 B1 B2 U')), 3);
  t.is(stashSlots(parseInstructions('RA0 FB0 SG0 U')), 0);
});
