import test from 'ava';
import { createPermissions, type Principal } from '../../broker/server/permissions.ts';
import {
  formatFilter,
  formatTopic,
  matchesFilter,
  parseTopic,
  rowsOfFilter,
  type TopicName,
  topicNames,
  topicRow,
} from '../../broker/topics.ts';
import { testFleet } from './helpers.ts';

const sample = { id: 'pi-1', run: 'run-1', from: 'pi-1', to: 'pi-2' };

test('every topic of the table reads back as it was written', (t) => {
  for (const name of topicNames) {
    const topic = formatTopic('lab', name, sample as never);
    const parsed = parseTopic('lab', topic);
    t.is(parsed?.name, name);
    for (const [hole, value] of Object.entries(parsed?.params ?? {})) t.is(value, sample[hole as keyof typeof sample]);
  }
  t.is(formatTopic('lab', 'linkFrames', sample), 'flotilla/lab/links/pi-1/pi-2/frames');
});

test('topics outside the table or the fleet are nothing', (t) => {
  for (const topic of [
    'flotilla/lab',
    'flotilla/other/devices/pi-1/state',
    'flotilla/lab/devices/pi-1/secrets',
    'flotilla/lab/devices/PI/state',
    'flotilla/lab/devices//state',
    'flotilla/lab/devices/+/state',
    'flotilla/lab/devices/pi-1/state/more',
    '$SYS/x',
    '',
  ]) {
    t.is(parseTopic('lab', topic), null, topic);
  }
});

test('ids that would change a topic are refused', (t) => {
  for (const id of ['a/b', '+', '#', '', 'A', '-a', 'x'.repeat(33)]) {
    t.throws(() => formatTopic('lab', 'deviceState', { id }), { code: 'INVALID_ID' }, id);
  }
  t.is(formatFilter('lab', 'deviceState', { id: '+' }), 'flotilla/lab/devices/+/state');
  t.throws(() => formatFilter('lab', 'deviceState', { id: '#' }), { code: 'INVALID_ID' });
});

test('a filter finds the rows that it could receive', (t) => {
  const names = (filter: string): readonly TopicName[] => rowsOfFilter('lab', filter).map(({ name }) => name);
  t.deepEqual(names('flotilla/lab/devices/+/state'), ['deviceState']);
  t.deepEqual(names('flotilla/lab/devices/pi-1/+').length, 8);
  t.deepEqual(names('flotilla/lab/#').length, topicNames.length);
  t.deepEqual(names('flotilla/lab/runs/#'), ['runPlan', 'runState', 'runMetrics', 'runEvents']);
  t.deepEqual(names('flotilla/#').length, topicNames.length);
  t.deepEqual(names('flotilla/+/devices/+/telemetry'), ['deviceTelemetry']);
  t.deepEqual(names('flotilla/other/#'), []);
  t.deepEqual(names('#'), []);
});

test('filters match as MQTT 3.1.1 says', (t) => {
  t.true(matchesFilter('a/+/c', 'a/b/c'));
  t.true(matchesFilter('a/#', 'a/b/c'));
  t.true(matchesFilter('a/#', 'a'));
  t.false(matchesFilter('a/+', 'a/b/c'));
  t.false(matchesFilter('a/b', 'a/c'));
});

const { keyring } = testFleet();
const board = (id: string): Principal => ({ kind: 'board', id });
const request = (topic: string, overrides = {}) => ({ topic, bytes: 10, qos: 0, retain: false, ...overrides });

/** Who of these may publish and subscribe where, written out by hand against the table. */
const expected: Record<TopicName, { publish: string[]; subscribe: string[] }> = {
  deviceState: { publish: ['pi-1'], subscribe: ['hub', 'pi-1', 'pi-2', 'pi-3'] },
  deviceProfile: { publish: ['pi-1'], subscribe: ['hub', 'pi-1', 'pi-2', 'pi-3'] },
  deviceHeartbeat: { publish: ['pi-1'], subscribe: ['hub', 'pi-1', 'pi-2', 'pi-3'] },
  deviceService: { publish: ['hub'], subscribe: ['hub', 'pi-1', 'pi-2', 'pi-3'] },
  deviceTelemetry: { publish: ['pi-1'], subscribe: ['hub', 'pi-1', 'pi-2', 'pi-3'] },
  deviceStage: { publish: ['pi-1'], subscribe: ['hub', 'pi-1', 'pi-2', 'pi-3'] },
  deviceCommand: { publish: ['hub'], subscribe: ['pi-1'] },
  deviceReport: { publish: ['pi-1'], subscribe: ['hub'] },
  runPlan: { publish: ['hub'], subscribe: ['hub', 'pi-1', 'pi-2', 'pi-3'] },
  runState: { publish: ['hub'], subscribe: ['hub', 'pi-1', 'pi-2', 'pi-3'] },
  runMetrics: { publish: ['hub'], subscribe: ['hub', 'pi-1', 'pi-2', 'pi-3'] },
  runEvents: { publish: ['hub'], subscribe: ['hub', 'pi-1', 'pi-2', 'pi-3'] },
  linkFrames: { publish: ['pi-1'], subscribe: ['pi-2'] },
  linkStatus: { publish: ['pi-2'], subscribe: ['pi-1'] },
  linkProbe: { publish: ['pi-1'], subscribe: ['pi-2'] },
  linkWindow: { publish: ['pi-2'], subscribe: ['pi-1'] },
};

for (const name of topicNames) {
  test(`permissions on ${name} are those of the table`, (t) => {
    const owner = topicRow(name).broker === 'hub' ? 'hub' : 'pi-2';
    const permissions = createPermissions(keyring, owner);
    const topic = formatTopic('lab', name, sample as never);
    const ids = ['hub', 'pi-1', 'pi-2', 'pi-3'];
    t.deepEqual(
      ids.filter((id) => permissions.publishProblem(board(id), request(topic)) === null),
      expected[name].publish,
    );
    t.deepEqual(
      ids.filter((id) => permissions.maySubscribe(board(id), topic)),
      expected[name].subscribe,
    );
    const writer = board(expected[name].publish[0]!);
    const row = topicRow(name);
    t.is(permissions.publishProblem(writer, request(topic, { bytes: row.maxBytes + 1 })), 'payload-too-large');
    t.is(permissions.publishProblem(writer, request(topic, { qos: 2 })), 'publish-not-permitted');
    t.is(
      permissions.publishProblem(writer, request(topic, { retain: true })),
      row.retained ? null : 'publish-not-permitted',
    );
    // The broker of a board that has no part in it carries nothing of it.
    t.is(createPermissions(keyring, 'pi-3').publishProblem(writer, request(topic)), 'publish-not-permitted');
  });
}

test('a board may not listen to all commands, the hub may listen to all reports', (t) => {
  const permissions = createPermissions(keyring, 'hub');
  t.false(permissions.maySubscribe(board('pi-1'), 'flotilla/lab/devices/+/command'));
  t.true(permissions.maySubscribe(board('hub'), 'flotilla/lab/devices/+/report'));
  t.true(permissions.maySubscribe(board('pi-1'), 'flotilla/lab/devices/+/state'));
  t.false(permissions.maySubscribe(board('pi-1'), 'flotilla/lab/devices/#'));
  t.false(permissions.maySubscribe(board('pi-1'), '#'));
  t.false(permissions.maySubscribe(board('pi-1'), '$SYS/#'));
});

test('observers see messages but no frames, and publish nothing', (t) => {
  const permissions = createPermissions(keyring, 'hub');
  const observer: Principal = { kind: 'observer' };
  t.true(permissions.maySubscribe(observer, 'flotilla/lab/#'));
  t.false(permissions.maySubscribe(observer, '#'));
  t.true(permissions.mayReceive(observer, 'flotilla/lab/devices/pi-1/report'));
  t.false(permissions.mayReceive(observer, 'flotilla/lab/links/pi-1/hub/frames'));
  t.is(permissions.publishProblem(observer, request('flotilla/lab/devices/pi-1/state')), 'publish-not-permitted');
});

test('a member that watches reads what any member may, and publishes nothing', (t) => {
  const permissions = createPermissions(keyring, 'hub');
  const watcher: Principal = { kind: 'board', id: 'pi-1', watches: true };
  for (const name of topicNames) {
    const topic = formatTopic('lab', name, sample as never);
    t.is(permissions.publishProblem(watcher, request(topic)), 'publish-not-permitted', name);
    t.is(permissions.maySubscribe(watcher, topic), permissions.maySubscribe(board('pi-1'), topic), name);
  }
});

test('a revoked board may neither publish nor receive', (t) => {
  const { keyring: own } = testFleet();
  const permissions = createPermissions(own, 'hub');
  own.revoke('pi-1');
  t.is(permissions.publishProblem(board('pi-1'), request('flotilla/lab/devices/pi-1/state')), 'revoked-sender');
  t.false(permissions.mayReceive(board('pi-1'), 'flotilla/lab/devices/pi-2/state'));
});
