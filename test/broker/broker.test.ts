import { connect, type Socket } from 'node:net';
import test from 'ava';
import mqtt from 'mqtt-packet';
import { openConnection } from '../../broker/client/connection.ts';
import {
  type Broker,
  createMessenger,
  createToken,
  type DeviceState,
  formatClientId,
  startBroker,
  watchingPurpose,
} from '../../broker/index.ts';
import { createTokenCheck } from '../../broker/server/token.ts';
import { memoryLog, startTestBroker, type TestFleet, testFleet, until, within } from './helpers.ts';

const state = 'flotilla/lab/devices/pi-1/state';

interface RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  send(packet: mqtt.Packet): void;
  next(): Promise<mqtt.Packet>;
}

/** A bare MQTT client that may send anything. */
function rawClient(broker: Broker): RawClient {
  const socket = connect(broker.port, broker.host);
  const parser = mqtt.parser();
  const packets: mqtt.Packet[] = [];
  parser.on('packet', (packet) => packets.push(packet));
  socket.on('data', (chunk: Buffer) => parser.parse(chunk));
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return {
    socket,
    closed,
    send: (packet) => void socket.write(mqtt.generate(packet)),
    async next() {
      await until('a packet', () => packets.length > 0);
      return packets.shift()!;
    },
  };
}

function connectPacket(fleet: TestFleet, overrides: Partial<mqtt.IConnectPacket> = {}): mqtt.IConnectPacket {
  const clientId = overrides.clientId ?? 'pi-1';
  const token = createToken(fleet.identity('pi-1'), 'lab', 'hub', clientId, Date.now());
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 0,
    clientId,
    username: 'pi-1',
    password: Buffer.from(token),
    ...overrides,
  };
}

async function connected(broker: Broker, fleet: TestFleet): Promise<RawClient> {
  const client = rawClient(broker);
  client.send(connectPacket(fleet));
  t0(await client.next());
  return client;
}
const t0 = (packet: mqtt.Packet): void => {
  if (packet.cmd !== 'connack' || packet.returnCode !== 0) throw new Error(JSON.stringify(packet));
};

test('a board with its key connects, and unknown, revoked and false ones do not', async (t) => {
  const fleet = testFleet();
  const broker = await startTestBroker(fleet, 'hub');
  t.teardown(() => broker.close());
  const answer = async (overrides: Partial<mqtt.IConnectPacket>): Promise<number | undefined> => {
    const client = rawClient(broker);
    client.send(connectPacket(fleet, overrides));
    const packet = await client.next();
    client.socket.destroy();
    return packet.cmd === 'connack' ? packet.returnCode : undefined;
  };
  const tokenOf = (who: string, at: string, clientId: string, time = Date.now()): Buffer =>
    Buffer.from(createToken(fleet.identity(who), 'lab', at, clientId, time));

  t.is(await answer({}), 0);
  t.is(await answer({ clientId: 'pi-1:link' }), 0);
  t.is(await answer({ clientId: 'pi-2' }), 4, 'somebody else’s client id');
  t.is(await answer({ clientId: 'pi-2', username: 'pi-2' }), 4, 'somebody else’s name');
  t.is(await answer({ password: Buffer.from('secret') }), 4);
  t.is(await answer({ clientId: 'pi-1:a', password: tokenOf('pi-1', 'pi-2', 'pi-1:a') }), 4, 'for another broker');
  t.is(await answer({ clientId: 'pi-1:b', password: tokenOf('pi-1', 'hub', 'pi-1:b', 0) }), 4, 'of 1970');
  t.is(
    await answer({ clientId: 'stranger', username: 'stranger', password: tokenOf('stranger', 'hub', 'stranger') }),
    5,
  );
  const token = tokenOf('pi-1', 'hub', 'pi-1:c');
  t.is(await answer({ clientId: 'pi-1:c', password: token }), 0);
  t.is(await answer({ clientId: 'pi-1:c', password: token }), 4, 'the same token again');
  fleet.keyring.revoke('pi-1');
  t.is(await answer({ clientId: 'pi-1:d' }), 5);
  t.deepEqual(
    { ...broker.stats.refused },
    {
      'bad-client-id': 1,
      'bad-signature': 2,
      'bad-token': 1,
      'clock-skew': 1,
      'unknown-sender': 1,
      'token-replayed': 1,
      'revoked-sender': 1,
    },
  );
});

test('a token check has a reason for each wrong token', (t) => {
  const { keyring, identity } = testFleet();
  const check = createTokenCheck({ keyring, broker: 'hub', clockSkewMilliseconds: 1000, now: () => 50_000 });
  const token = (at: number): string => createToken(identity('pi-1'), 'lab', 'hub', 'pi-1', at);
  t.is(check.problem('pi-1', 'pi-1', undefined), 'no-token');
  t.is(check.problem('', '', token(50_000)), 'bad-client-id');
  t.is(check.problem('pi-1:a:b', 'pi-1', token(50_000)), 'bad-client-id');
  t.is(check.problem('pi-1', undefined, token(50_000)), 'bad-client-id');
  t.is(check.problem('pi-1', 'pi-1', token(48_000)), 'clock-skew');
  t.is(check.problem('pi-1', 'pi-1', token(52_000)), 'clock-skew');
  t.is(check.problem('pi-1', 'pi-1', token(50_500)), null);
  t.is(check.problem('pi-1', 'pi-1', token(50_400)), 'token-replayed');
  t.is(check.problem('pi-1', 'pi-1', token(50_501)), null);
});

test('other versions of MQTT and persistent sessions are turned away', async (t) => {
  const fleet = testFleet();
  const broker = await startTestBroker(fleet, 'hub');
  t.teardown(() => broker.close());
  const five = rawClient(broker);
  five.send(connectPacket(fleet, { protocolVersion: 5 }));
  await within('closing', five.closed);
  const old = rawClient(broker);
  old.send(connectPacket(fleet, { protocolVersion: 3, protocolId: 'MQIsdp' }));
  await within('closing', old.closed);
  const persistent = rawClient(broker);
  persistent.send(connectPacket(fleet, { clean: false }));
  await within('closing', persistent.closed);
  t.deepEqual({ ...broker.stats.refused }, { 'protocol-version': 2, 'persistent-session': 1 });
});

test('publishing outside the table cuts the connection, and is counted', async (t) => {
  const fleet = testFleet();
  const { events, log } = memoryLog();
  const broker = await startTestBroker(fleet, 'hub', { log });
  t.teardown(() => broker.close());
  let delivered = 0;
  await broker.subscribeRaw('flotilla/lab/#', 0, () => {
    delivered += 1;
  });
  const wrong = [
    { topic: 'flotilla/lab/devices/pi-2/state', payload: 'x' },
    { topic: 'flotilla/lab/devices/pi-1/command', payload: 'x' },
    { topic: 'flotilla/lab/links/pi-2/pi-1/frames', payload: 'x' },
    { topic: '$SYS/x', payload: 'x' },
    { topic: state, payload: 'x'.repeat(5000) },
    { topic: `flotilla/lab/devices/pi-1/heartbeat`, payload: 'x', retain: true },
  ];
  for (const packet of wrong) {
    const client = await connected(broker, fleet);
    client.send({ cmd: 'publish', qos: 0, dup: false, retain: false, ...packet });
    await within(`the cut after ${packet.topic}`, client.closed);
  }
  t.is(delivered, 0);
  t.deepEqual({ ...broker.stats.refused }, { 'publish-not-permitted': 5, 'payload-too-large': 1 });
  t.true(events.some(({ detail }) => detail.reason === 'payload-too-large' && detail.peer === 'pi-1'));
});

test('subscribing outside the table is answered with a failure', async (t) => {
  const fleet = testFleet();
  const broker = await startTestBroker(fleet, 'hub');
  t.teardown(() => broker.close());
  const client = await connected(broker, fleet);
  const topics = ['#', '$SYS/#', 'flotilla/lab/devices/pi-2/command', 'flotilla/lab/devices/pi-1/command'];
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 0 })) });
  const suback = await client.next();
  t.deepEqual(suback.cmd === 'suback' ? suback.granted : [], [128, 128, 128, 0]);
  client.socket.destroy();
});

test('whoever announces or sends too much is cut off before it is buffered', async (t) => {
  const fleet = testFleet();
  const broker = await startTestBroker(fleet, 'hub');
  t.teardown(() => broker.close());
  const stranger = rawClient(broker);
  stranger.socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
  await within('the cut', stranger.closed);
  const flood = rawClient(broker);
  flood.socket.write(Buffer.concat([Buffer.from([0x10, 100]), Buffer.alloc(30_000)]));
  await within('the cut', flood.closed);
  const web = rawClient(broker);
  web.socket.write('GET / HTTP/1.1\r\n\r\n');
  await within('the cut', web.closed);
  const board = await connected(broker, fleet);
  // A PUBLISH of 256 MB less one byte.
  board.socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
  await within('the cut', board.closed);
  t.deepEqual({ ...broker.stats.refused }, { 'packet-too-large': 3, 'not-mqtt': 1 });
});

test('a connection that says nothing is cut off', async (t) => {
  const broker = await startTestBroker(testFleet(), 'hub', { limits: { patienceMilliseconds: 50 } });
  t.teardown(() => broker.close());
  await within('the cut', rawClient(broker).closed);
  t.pass();
});

test('a reader that does not read is disconnected, and the broker keeps no more than its backlog', async (t) => {
  const fleet = testFleet();
  const backlogBytes = 256 * 1024;
  const broker = await startTestBroker(fleet, 'hub', { limits: { backlogBytes, patienceMilliseconds: 60_000 } });
  t.teardown(() => broker.close());
  const client = await connected(broker, fleet);
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'flotilla/lab/runs/+/metrics', qos: 0 }] });
  await client.next();
  client.socket.pause();
  // More than the kernel's socket buffers and the backlog together take.
  const payload = Buffer.alloc(512 * 1024);
  let stuck = 0;
  for (let round = 0; round < 60 && broker.clients.length > 0; round += 1) {
    const publishing = broker.publishRaw('flotilla/lab/runs/r/metrics', payload, { qos: 0, retain: false });
    stuck += 1;
    publishing.then(() => {
      stuck -= 1;
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await until('the disconnection', () => broker.clients.length === 0);
  t.is(broker.stats.refused['slow-reader'], 1);
  await until('every publish to be over', () => stuck === 0);
  client.socket.destroy();
});

test('a taken port is named', async (t) => {
  const fleet = testFleet();
  const broker = await startTestBroker(fleet, 'hub');
  t.teardown(() => broker.close());
  const error = await t.throwsAsync(startTestBroker(fleet, 'hub', { port: broker.port }), { code: 'PORT_TAKEN' });
  t.regex(error!.message, new RegExp(`127\\.0\\.0\\.1:${broker.port}`));
  t.is((error as unknown as { exitCode: number }).exitCode, 2);
  await t.throwsAsync(startTestBroker(fleet, 'hub', { host: '192.0.2.1' }), { code: 'LISTEN_FAILED' });
});

test('closing, also by signal, frees the port and every connection', async (t) => {
  const fleet = testFleet();
  const abort = new AbortController();
  const broker = await startTestBroker(fleet, 'hub', { signal: abort.signal });
  const client = await connected(broker, fleet);
  const silentOne = rawClient(broker);
  await until('both connections', () => broker.stats.connections === 2);
  abort.abort();
  await within('both cuts', Promise.all([client.closed, silentOne.closed]));
  await within('closing', broker.close());
  const again = await startTestBroker(fleet, 'hub', { port: broker.port });
  await again.close();
  await t.throwsAsync(broker.publishRaw(state, Buffer.alloc(1), { qos: 0, retain: false }), { code: 'CLOSED' });
  await t.throwsAsync(
    startBroker({
      host: '127.0.0.1',
      port: 0,
      identity: fleet.identity('hub'),
      keyring: fleet.keyring,
      signal: AbortSignal.abort(new Error('too late')),
    }),
    { message: 'too late' },
  );
});

test('inside the process, messages and retained messages arrive without a socket', async (t) => {
  const fleet = testFleet();
  const broker = await startTestBroker(fleet, 'hub');
  t.teardown(() => broker.close());
  const { log } = memoryLog();
  const messenger = createMessenger({ channel: broker, identity: fleet.identity('pi-1'), keyring: fleet.keyring, log });
  const message = { kind: 'offline', board: 'pi-1', reason: 'a test' } as const;
  await messenger.publish('deviceState', { id: 'pi-1' }, message);
  const got: DeviceState[] = [];
  const stop = await messenger.subscribe('deviceState', { id: '+' }, (received) => got.push(received.message));
  await until('the retained message', () => got.length === 1);
  await messenger.publish('deviceState', { id: 'pi-1' }, { ...message, reason: 'again' });
  await until('the second', () => got.length === 2);
  t.is(broker.stats.connections, 0);
  stop();
});

test('an observer on this machine may watch where that is allowed, and only watch', async (t) => {
  const fleet = testFleet();
  const open = await startTestBroker(fleet, 'hub', { allowLocalObservers: true });
  const shut = await startTestBroker(fleet, 'hub');
  t.teardown(() => Promise.all([open.close(), shut.close()]));
  const { username: _name, password: _token, ...anonymous } = connectPacket(fleet, { clientId: 'watcher' });
  const refused = rawClient(shut);
  refused.send(anonymous);
  t.like(await refused.next(), { cmd: 'connack', returnCode: 4 });
  const observer = rawClient(open);
  observer.send(anonymous);
  t.like(await observer.next(), { cmd: 'connack', returnCode: 0 });
  observer.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'flotilla/lab/#', qos: 0 }] });
  t.like(await observer.next(), { cmd: 'suback', granted: [0] });
  await open.publishRaw('flotilla/lab/links/pi-1/hub/frames', Buffer.from('hidden'), { qos: 0, retain: false });
  await open.publishRaw(state, Buffer.from('shown'), { qos: 0, retain: false });
  t.like(await observer.next(), { cmd: 'publish', topic: state });
  observer.send({ cmd: 'publish', topic: state, payload: 'x', qos: 0, dup: false, retain: false });
  await within('the cut', observer.closed);
});

test('a connection that says it watches gets what is retained, and is cut when it publishes', async (t) => {
  const fleet = testFleet();
  const broker = await startTestBroker(fleet, 'hub');
  t.teardown(() => broker.close());
  await broker.publishRaw(state, Buffer.from('kept'), { qos: 1, retain: true });
  const clientId = formatClientId('hub', watchingPurpose('1a2b'));
  const heard: string[] = [];
  const watcher = await openConnection({
    url: broker.url,
    clientId,
    username: 'hub',
    password: createToken(fleet.identity('hub'), 'lab', 'hub', clientId, Date.now()),
    timeoutMilliseconds: 5000,
    signal: new AbortController().signal,
    onMessage: ({ payload }) => heard.push(String(payload)),
  });
  await watcher.subscribe('flotilla/lab/devices/+/state', 1);
  await until('what is retained', () => heard.length === 1);
  // The hub may publish this, but not where it said that it watches.
  const publishing = watcher.publish('flotilla/lab/devices/pi-1/service', Buffer.from('x'), { qos: 1, retain: true });
  await t.throwsAsync(within('the cut', publishing));
  t.deepEqual({ ...broker.stats.refused }, { 'publish-not-permitted': 1 });
});

test('disconnecting a board cuts all its connections and no others', async (t) => {
  const fleet = testFleet();
  const broker = await startTestBroker(fleet, 'hub');
  t.teardown(() => broker.close());
  const open = (id: string, purpose?: string) => {
    const clientId = purpose === undefined ? id : `${id}:${purpose}`;
    return openConnection({
      url: broker.url,
      clientId,
      username: id,
      password: createToken(fleet.identity(id), 'lab', 'hub', clientId, Date.now()),
      timeoutMilliseconds: 5000,
      signal: new AbortController().signal,
      onMessage: () => {},
    });
  };
  const [one, link, other] = await Promise.all([open('pi-1'), open('pi-1', 'link'), open('pi-2')]);
  t.deepEqual([...broker.clients].sort(), ['pi-1', 'pi-1:link', 'pi-2']);
  broker.disconnect('pi-1');
  await within('both cuts', Promise.all([one.closed, link.closed]));
  await until('one client', () => broker.clients.length === 1);
  t.deepEqual(broker.clients, ['pi-2']);
  await other.end();
});
