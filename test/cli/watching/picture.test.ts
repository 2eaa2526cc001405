import test from 'ava';
import { age, busyBar, shortened, sparkline } from '../../../cli/watching/cells.ts';
import { devicesTable } from '../../../cli/watching/devices-table.ts';
import { newsOf } from '../../../cli/watching/news.ts';
import { picture } from '../../../cli/watching/picture.ts';
import { boardReport } from '../../../cli/watching/report.ts';
import { metrics, NOW, online, phase, seen, training, viewOf } from '../../dashboard/messages.ts';

const profile = seen('deviceProfile', 'pi-1', {
  kind: 'profile',
  board: 'pi-1',
  model: 'Raspberry Pi 4 Model B',
  cores: 4,
  memoryBytes: 4e9,
  platform: 'linux-arm64',
  measured: {
    at: '2026-11-27T22:00:00.000Z',
    seconds: 12,
    threads: 4,
    ended: 'complete',
    measurements: 40,
    models: ['mlp'],
    copyBytesPerSecond: 2e9,
  },
});
const telemetry = { kind: 'telemetry', board: 'pi-1', residentBytes: 1, cpuSeconds: 1 } as const;
const hot = seen('deviceTelemetry', 'pi-1', {
  ...telemetry,
  temperatureC: 81.2,
  throttled: true,
  throttle: { now: { throttled: true, underVoltage: true } },
});
const lost = seen('deviceState', 'pi-2', { kind: 'lost', board: 'pi-2' });
const drained = seen('deviceService', 'pi-3', { kind: 'drained', board: 'pi-3', reason: 'a new fan' });

test('devices: one line a board, with what is known and nothing that is not', (t) => {
  const view = viewOf(online('pi-1', -90), profile, hot, training('pi-1', 0, -30), online('pi-2'), lost, drained);
  t.deepEqual(devicesTable(view, NOW), [
    'board  state              since  kind                    cores  temp   throttled                 profile  holds                                    since',
    'pi-1   online             1 min  Raspberry Pi 4 Model B  4      81 °C  throttled, under-voltage  known    stage 0, blocks 0–1, of mlp-1: training  30 s',
    'pi-2   lost               0 s    –                       –      –      –                         not yet  –                                        –',
    'pi-3   not seen, drained  –      –                       –      –      –                         not yet  –                                        –',
  ]);
});

test('devices as JSON: what is not known is null', (t) => {
  const { boards } = viewOf(online('pi-1'), profile, hot, training('pi-1', 0), drained);
  t.like(boardReport(boards.get('pi-1')!, NOW), {
    state: 'online',
    since: '2026-11-27T23:00:00.000Z',
    kind: 'Raspberry Pi 4 Model B',
    temperatureC: 81.2,
    throttled: true,
    profile: { measurements: 40 },
    stage: { state: 'training', run: 'mlp-1', term: 1, stage: 0, firstBlock: 0, lastBlock: 1 },
  });
  t.like(boardReport(boards.get('pi-3')!, NOW), {
    state: 'unseen',
    since: null,
    drained: 'a new fan',
    cores: null,
    temperatureC: null,
    profile: null,
    stage: null,
  });
});

const wide = { fleet: 'lab', url: 'mqtt://127.0.0.1:1883', awaySince: undefined, now: NOW, columns: 200, rows: 100 };
const running = [
  online('pi-1'),
  online('pi-2'),
  phase('training'),
  training('pi-1', 0),
  training('pi-2', 1),
  ...[3, 2, 1.5, 1.2].map((loss, step) => metrics(step, loss)),
  seen('runEvents', 'mlp-1', {
    kind: 'event',
    run: 'mlp-1',
    what: 'moving',
    detail: { reason: 'pi-3 is there', step: 9 },
  }),
];

test('the picture has the run, its loss, every board with its bar, links and events', (t) => {
  const lines = picture(viewOf(...running), wide);
  const text = lines.join('\n');
  t.regex(lines[0]!, /^fleet lab · mqtt:\/\/127\.0\.0\.1:1883 · \d\d:\d\d:\d\d · 2 of 3 boards online$/);
  t.regex(text, /^run mlp-1 · plan 1 · training\nstep 4 of 40 · 250 ms a step · 256 samples\/s · 9 s left\n/m);
  t.regex(text, /loss 1\.2000 {2}█▄▂▁ {2}from 3\.0000, steps 1 to 4/);
  t.regex(text, /^pi-1 +online +– +0, blocks 0–1 +training 0 s +████████▓▓▓▓░░░░ {2}busy 75 %$/m);
  t.regex(text, /pi-3 +not seen/);
  t.regex(text, /pi-1 → pi-2 +1\.250 MB +0\.045/);
  t.regex(text, /moving: pi-3 is there; after step 9/);
});

test('the picture fits its terminal, whatever the size', (t) => {
  const view = viewOf(...running, ...running, ...running);
  for (const [columns, rows] of [
    [80, 24],
    [40, 12],
    [20, 5],
    [1, 1],
  ] as const) {
    const lines = picture(view, { ...wide, columns, rows });
    t.true(lines.length <= rows, `${columns}×${rows}`);
    t.true(lines.every((line) => line.length <= columns));
  }
});

test('what matters of boards fits 80 columns', (t) => {
  const heat = seen('deviceTelemetry', 'pi-1', { ...telemetry, temperatureC: 81 });
  const text = picture(viewOf(...running, heat), { ...wide, columns: 80 }).join('\n');
  t.regex(text, /^pi-1 .* 81 °C .* busy 75 %$/m);
});

test('the picture says when the hub is away, and why a run waits', (t) => {
  const view = viewOf(phase('paused', 'no board of the run is online'));
  const text = picture(view, { ...wide, awaySince: NOW - 12_000 }).join('\n');
  t.regex(text, /the hub cannot be reached for 12 s/);
  t.regex(text, /run mlp-1 · plan 1 · paused/);
  t.regex(text, /it waits: no board of the run is online/);
});

test('a run of which nothing is heard any more says so', (t) => {
  const text = picture(viewOf(...running), { ...wide, now: NOW + 90_000 }).join('\n');
  t.regex(text, /training · last heard of 1 min ago/);
});

test('a run that is over shows no bars: nobody computes', (t) => {
  const text = picture(viewOf(...running, phase('over')), wide).join('\n');
  t.regex(text, /run mlp-1 · plan 1 · over\nstep 4 of 40\n/);
  t.notRegex(text, /busy/);
});

test('what happens is told in one line each; what is no news is not', (t) => {
  const view = viewOf(online('pi-1'), phase('training'));
  t.is(newsOf(view, online('pi-1')), undefined);
  t.is(newsOf(view, online('pi-2')), 'pi-2 is online at mqtt://127.0.0.2:1884');
  t.is(newsOf(view, seen('deviceState', 'pi-1', { kind: 'lost', board: 'pi-1' })), 'pi-1 is lost');
  t.is(newsOf(view, drained), 'pi-3 is drained: a new fan');
  t.is(newsOf(viewOf(drained), drained), undefined);
  t.is(newsOf(view, training('pi-1', 1)), 'pi-1: stage 1, blocks 2–3, of mlp-1: training');
  t.is(newsOf(view, hot), 'pi-1 throttled: throttled, under-voltage');
  t.is(newsOf(view, profile), 'pi-1 has measured itself: 40 measurements in 12 s');
  t.is(newsOf(view, phase('training')), undefined);
  t.is(newsOf(view, phase('paused', 'no boards')), 'mlp-1 is paused, plan 1: no boards');
  t.is(newsOf(view, metrics(0, 2.5)), 'mlp-1 step 1 of 40, loss 2.5000, 256 samples/s');
  const weighed = (worthIt: boolean) =>
    seen('runEvents', 'mlp-1', { kind: 'event', run: 'mlp-1', what: 'weighed', detail: { step: 5, worthIt } });
  t.is(newsOf(view, weighed(false)), undefined);
  t.regex(newsOf(view, weighed(true))!, /^mlp-1 weighed: .*: worth it$/);
  t.is(newsOf(view, seen('deviceStage', 'pi-1', { kind: 'idle', board: 'pi-1', since: 'now' })), undefined);
});

test('bars and sparklines are as long as they are told, and hold out any number', (t) => {
  t.is(busyBar(0.5, 0.75, 8), '████▓▓░░');
  t.is(busyBar(1.5, Number.POSITIVE_INFINITY, 4), '████');
  t.is(busyBar(-1, -1, 4), '░░░░');
  t.is(sparkline([], 10), '');
  t.is(sparkline([1, 1, 1], 10), '▁▁▁');
  t.is(sparkline([8, 7, 6, 5, 4, 3, 2, 1], 4).length, 4);
  t.is(sparkline([0, 7], 10), '▁█');
});

test('ages are short, and never negative', (t) => {
  t.is(age(undefined, NOW), '–');
  t.is(age(Number.NaN, NOW), '–');
  t.is(age(NOW + 5000, NOW), '0 s');
  t.is(age(NOW - 59_000, NOW), '59 s');
  t.is(age(NOW - 3_599_000, NOW), '59 min');
  t.is(age(NOW - 7_300_000, NOW), '2 h');
  t.is(age(NOW - 72 * 3_600_000, NOW), '3 days');
  t.is(shortened('board', 3), 'bo…');
});
