import test from 'ava';
import { parseScenario } from '../../../cli/lab/scenario/index.ts';

const parse = (text: string) => parseScenario(text, 'uneven.yaml');

test('a scenario gives each board its own values, the usual link, and what is the case where nothing is said', (t) => {
  const { boards } = parse(`
link: { rate: 100 Mbit/s, delay: 2 ms }
boards:
  - { name: pi-1, quota: 0.8, threads: 2, memory: 512 MB }
  - { name: pi-2, link: { rate: 10 Mbit/s, loss: 1 % } }
`);
  t.deepEqual(boards, [
    {
      name: 'pi-1',
      quota: 0.8,
      threads: 2,
      memoryBytes: 512e6,
      link: { bytesPerSecond: 12.5e6, delaySeconds: 0.002, loss: 0 },
    },
    { name: 'pi-2', threads: 1, link: { bytesPerSecond: 1.25e6, delaySeconds: 0.002, loss: 0.01 } },
  ]);
});

test('without a link the boards get no network of their own', (t) => {
  t.deepEqual(parse('boards: [{ name: a }]').boards, [{ name: 'a', threads: 1 }]);
});

const boards = (...lines: readonly string[]) =>
  ['boards:', '  - name: a', ...lines.map((line) => `    ${line}`)].join('\n');

const bad: readonly (readonly [title: string, text: string, line: number, key: string, says: RegExp])[] = [
  ['an unknown key of the scenario', 'boards: [{ name: a }]\nbord: 1', 2, 'bord', /unknown key "bord".*link, boards/],
  ['an unknown key of a board', boards('qouta: 0.4'), 3, 'qouta', /"qouta" in boards\[0\].*"quota"/],
  ['an unknown key of a link', boards('link: { jitter: 1 ms }'), 3, 'jitter', /"jitter" in boards\[0\]\.link/],
  ['a negative quota', boards('quota: -0.4'), 3, 'quota', /quota "-0\.4" is not a share of one core/],
  ['a quota in per cent', boards('quota: 40 %'), 3, 'quota', /"40 %".*0\.4/],
  ['a quota of a thousand cores', boards('quota: 1000'), 3, 'quota', /"1000".*0\.01 to 64/],
  ['half a thread', boards('threads: 0.5'), 3, 'threads', /"0\.5" is not a whole number/],
  ['no threads', boards('threads: 0'), 3, 'threads', /"0"/],
  ['memory without a unit', boards('memory: 512'), 3, 'memory', /"512" is not a number with one of the units MB, GB/],
  ['too little memory', boards('memory: 4 MB'), 3, 'memory', /"4 MB" is out of range.*64 MB/],
  ['a rate without a unit', boards('link: { rate: 100 }'), 3, 'rate', /"100".*Mbit\/s/],
  ['a negative rate', boards('link: { rate: -1 Mbit/s }'), 3, 'rate', /"-1 Mbit\/s" is out of range/],
  ['a delay of an hour', boards('link: { delay: 3600 s }'), 3, 'delay', /"3600 s" is out of range.*5 s/],
  ['a negative delay', boards('link: { delay: -2 ms }'), 3, 'delay', /"-2 ms" is out of range/],
  ['more loss than there is', boards('link: { loss: 120 % }'), 3, 'loss', /"120 %" is out of range/],
  ['a name that is none', 'boards:\n  - name: Pi 1', 2, 'name', /"Pi 1"/],
  ['a name twice', 'boards:\n  - name: a\n  - name: a', 3, 'name', /"a" is taken/],
  ['a board called hub', 'boards:\n  - name: hub', 2, 'name', /"hub" is taken/],
  ['a board without a name', 'boards:\n  - quota: 0.4', 2, 'name', /boards\[0\] has no key "name"/],
  ['no boards', 'boards: []', 1, 'boards', /at least one/],
  ['a list of nothing', '', 0, 'the scenario', /not a list of "key: value" lines/],
  ['a link that is a word', 'link: fast\nboards: [{ name: a }]', 1, 'link', /link is not a list/],
  ['text that is not YAML', 'boards: [', 1, '', /is not YAML/],
];

for (const [title, text, line, key, says] of bad) {
  test(`${title} is refused with its line, key and value`, (t) => {
    const error = t.throws(() => parse(text), { message: says });
    t.like(error, { code: 'SCENARIO', exitCode: 2, line, key });
  });
}
