import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { connect } from 'mqtt';
import { createFleet, giveViewer, VIEWER, viewerDigest, writeFleet } from '../../broker/index.ts';
import { startTestBroker, testFleet, until } from './helpers.ts';

const password = 'a password that only this test knows';

async function viewed(t: ExecutionContext) {
  const broker = await startTestBroker(testFleet(), 'hub', { viewer: viewerDigest(password) });
  t.teardown(() => broker.close());
  /** As mosquitto_sub does it. */
  const look = (given: string, clientId = 'laptop') => {
    const client = connect(broker.url, {
      protocolVersion: 4,
      username: VIEWER,
      password: given,
      clientId,
      reconnectPeriod: 0,
    });
    t.teardown(() => void client.end(true));
    client.on('error', () => {});
    return client;
  };
  return { broker, look };
}

test('a viewer sees what all may read, what is retained as well, and neither commands nor reports', async (t) => {
  const { broker, look } = await viewed(t);
  const say = (topic: string, retain = false) =>
    broker.publishRaw(`flotilla/lab/${topic}`, Buffer.from('x'), { qos: 0, retain });
  await say('devices/pi-1/state', true);
  const client = look(password);
  const heard: string[] = [];
  client.on('message', (topic) => heard.push(topic));
  await client.subscribeAsync('flotilla/#');
  await say('devices/pi-1/command');
  await say('devices/pi-1/report');
  await say('links/hub/pi-1/frames');
  await say('runs/mlp-1/events');
  await until('both', () => heard.length >= 2);
  t.deepEqual(heard, ['flotilla/lab/devices/pi-1/state', 'flotilla/lab/runs/mlp-1/events']);
});

test('a viewer is cut off when it publishes, whatever it is', async (t) => {
  const { broker, look } = await viewed(t);
  const client = look(password);
  await until('the connection', () => client.connected);
  client.publish('flotilla/lab/devices/viewer/state', '{}');
  await until('the cut', () => !client.connected);
  t.deepEqual({ ...broker.stats.refused }, { 'publish-not-permitted': 1 });
});

test('another password does not watch, and no viewer takes the connection of a member', async (t) => {
  const { broker, look } = await viewed(t);
  const clients = [look('another'), look(password, 'pi-1'), look(password, 'hub:train')];
  await until(
    'the refusals',
    () => (broker.stats.refused['bad-client-id'] ?? 0) + (broker.stats.refused['bad-token'] ?? 0) === 3,
  );
  t.true(clients.every(({ connected }) => !connected));
  t.deepEqual({ ...broker.stats.refused }, { 'bad-token': 1, 'bad-client-id': 2 });
});

test('a broker without a viewer knows no such user', async (t) => {
  const broker = await startTestBroker(testFleet(), 'hub');
  t.teardown(() => broker.close());
  const client = connect(broker.url, { protocolVersion: 4, username: VIEWER, password, reconnectPeriod: 0 });
  t.teardown(() => void client.end(true));
  client.on('error', () => {});
  await until('the refusal', () => Object.keys(broker.stats.refused).length > 0);
  t.false(client.connected);
});

test('a fleet is given a viewer, and another one in its place; the comments of its file stay', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-viewer-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = await writeFleet(directory, createFleet({ name: 'shed', boards: ['pi-1'] }));
  await writeFile(file, `# Mine.\n${await readFile(file, 'utf8')}`);
  const first = await giveViewer(directory, 'shed');
  const firstPassword = (await readFile(first.passwordFile, 'utf8')).trim();
  t.deepEqual(first.fleet.viewer, viewerDigest(firstPassword));
  t.is((await stat(first.passwordFile)).mode & 0o777, 0o600);
  const { fleet } = await giveViewer(directory, 'shed');
  t.notDeepEqual(fleet.viewer, first.fleet.viewer);
  t.deepEqual(fleet.boards, first.fleet.boards);
  t.regex(await readFile(file, 'utf8'), /^# Mine\.$/m);
});

test('a fleet with a board of that name gets no viewer', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-viewer-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await writeFleet(directory, createFleet({ name: 'shed', boards: [VIEWER] }));
  await t.throwsAsync(giveViewer(directory, 'shed'), { message: /nobody else may be called "viewer"/ });
});
