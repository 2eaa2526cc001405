import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { lateBoards, parseScenario } from '../../../cli/lab/scenario/index.ts';
import { tellStory } from '../../../cli/lab/story.ts';

const parse = (events: string) =>
  parseScenario(
    `boards:\n  - { name: a, quota: 0.5 }\n  - { name: b }\n  - { name: c }\nevents:\n${events}`,
    'story.yaml',
  );

function recorder() {
  const done: string[] = [];
  const hands = {
    start: async (board: string) => void done.push(`start ${board}`),
    kill: (board: string) => void done.push(`kill ${board}`),
    setQuota: async (board: string, quota: number) => void done.push(`quota ${board} ${quota}`),
    say: () => {},
  };
  return { done, hands };
}

const story = `
  - { after: 30 steps, board: c, event: joins }
  - { after: 60 steps, board: a, event: quota, quota: 0.2 }
  - { after: 90 steps, board: b, event: dies }
  - { after: 120 steps, board: b, event: returns }
`;

test('events are read in their order, and a board that joins is not there at the beginning', (t) => {
  const { events } = parse(story);
  t.deepEqual(events[1], { after: { steps: 60 }, board: 'a', event: 'quota', quota: 0.2 });
  t.deepEqual(lateBoards({ events }), ['c']);
});

test('each event happens once, when its step is done or passed, and not again when steps are done again', (t) => {
  const { done, hands } = recorder();
  const { stepDone } = tellStory(parse(story).events, hands);
  stepDone(29);
  t.deepEqual(done, []);
  stepDone(61);
  t.deepEqual(done, ['start c', 'quota a 0.2']);
  stepDone(40);
  stepDone(91);
  stepDone(85);
  stepDone(95);
  t.deepEqual(done.slice(2), ['kill b']);
  stepDone(200);
  t.deepEqual(done.slice(3), ['start b']);
});

test('seconds count from the beginning, and nothing happens after the end', async (t) => {
  const { done, hands } = recorder();
  const { events } = parse('  - { after: 0 s, board: b, event: dies }\n  - { after: 1 s, board: b, event: returns }');
  const told = tellStory(events, hands);
  await wait(50);
  t.deepEqual(done, ['kill b']);
  told.close();
  await wait(1_100);
  t.deepEqual(done, ['kill b']);
});

test('seconds of training count from the first step that is done', async (t) => {
  const { done, hands } = recorder();
  const { events } = parse('  - { after: 0 s of training, board: a, event: quota, quota: 0.3 }');
  t.deepEqual(events[0]?.after, { trainingSeconds: 0 });
  const told = tellStory(events, hands);
  await wait(50);
  t.deepEqual(done, []);
  told.stepDone(1);
  told.stepDone(2);
  while (done.length === 0) await wait(10);
  t.deepEqual(done, ['quota a 0.3']);
  told.close();
});

test('what an event cannot do is said, and the others happen', async (t) => {
  const said: string[] = [];
  const { done, hands } = recorder();
  const failing = {
    ...hands,
    start: () => Promise.reject(new Error('no room')),
    say: (line: string) => void said.push(line),
  };
  tellStory(parse(story).events, failing).stepDone(90);
  await wait(10);
  t.deepEqual(said.at(-1), 'c: no room');
  t.deepEqual(done, ['quota a 0.2', 'kill b']);
});

const bad: readonly (readonly [title: string, events: string, key: string, says: RegExp])[] = [
  ['an unknown board', '  - { after: 1 s, board: d, event: dies }', 'board', /"d" is not known/],
  ['an unknown event', '  - { after: 1 s, board: a, event: die }', 'event', /Did you mean "dies"/],
  ['a moment without a unit', '  - { after: 30, board: a, event: dies }', 'after', /"30" is neither steps nor seconds/],
  ['seconds of something else', '  - { after: 3 s of rest, board: a, event: dies }', 'after', /"3 s of rest"/],
  ['a negative moment', '  - { after: -3 s, board: a, event: dies }', 'after', /"-3 s"/],
  ['no moment', '  - { board: a, event: dies }', 'after', /neither steps nor seconds/],
  [
    'a quota for a board without one',
    '  - { after: 1 s, board: b, event: quota, quota: 0.2 }',
    'board',
    /has no quota/,
  ],
  ['a quota of nothing', '  - { after: 1 s, board: a, event: quota, quota: 0 }', 'quota', /"0"/],
  ['the event quota without one', '  - { after: 1 s, board: a, event: quota }', 'quota', /no key "quota"/],
  ['a quota where one dies', '  - { after: 1 s, board: a, event: dies, quota: 0.5 }', 'quota', /goes with the event/],
  [
    'a board that dies twice',
    '  - { after: 1 s, board: a, event: dies }\n  - { after: 2 s, board: a, event: dies }',
    'event',
    /a dies, but by then it has died/,
  ],
  ['a return of who never left', '  - { after: 1 s, board: a, event: returns }', 'event', /is there/],
  [
    'nobody at the beginning',
    ['a', 'b', 'c'].map((name) => `  - { after: 1 s, board: ${name}, event: joins }`).join('\n'),
    'events',
    /no board is there/,
  ],
];

for (const [title, events, key, says] of bad) {
  test(`${title} in a story is refused with its key`, (t) => {
    t.like(
      t.throws(() => parse(events), { message: says }),
      { code: 'SCENARIO', exitCode: 2, key },
    );
  });
}
