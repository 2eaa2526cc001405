import test from 'ava';
import { retryPause } from '../../broker/client/retry.ts';
import {
  type Client,
  connectClient,
  createMessenger,
  type DeviceCommand,
  type DeviceState,
  type RunMetrics,
} from '../../broker/index.ts';
import { freePort } from '../free-port.ts';
import { memoryLog, startTestBroker, testFleet, until, within } from './helpers.ts';

const online = {
  kind: 'online',
  board: 'pi-1',
  dataUrl: 'mqtt://127.0.0.2:1883',
  engine: { name: 'none', version: '1' },
  cores: 1,
  memoryBytes: 1,
  pid: 1,
} as const;
const will = { name: 'deviceState', params: { id: 'pi-1' }, message: { kind: 'lost', board: 'pi-1' } } as const;

/** A hub's broker with a messenger inside it. */
async function startHub(fleet: ReturnType<typeof testFleet>, port = 0) {
  const broker = await startTestBroker(fleet, 'hub', { port });
  const { log, events } = memoryLog();
  const messenger = createMessenger({ channel: broker, identity: fleet.identity('hub'), keyring: fleet.keyring, log });
  const states: DeviceState['kind'][] = [];
  await messenger.subscribe('deviceState', { id: '+' }, ({ message }) => states.push(message.kind));
  return { broker, messenger, states, events };
}

const connectBoard = (fleet: ReturnType<typeof testFleet>, url: string, overrides = {}): Promise<Client> =>
  connectClient({ url, identity: fleet.identity('pi-1'), keyring: fleet.keyring, ...overrides });

test('commands and states travel typed, signed and verified', async (t) => {
  const fleet = testFleet();
  const hub = await startHub(fleet);
  t.teardown(() => hub.broker.close());
  const board = await connectBoard(fleet, hub.broker.url);
  const commands: DeviceCommand[] = [];
  await board.subscribe('deviceCommand', { id: 'pi-1' }, ({ message }) => commands.push(message));
  await board.publish('deviceState', { id: 'pi-1' }, online);
  await until('the state', () => hub.states.length === 1);
  const stop = { kind: 'stop', run: 'r', term: 1, reason: 'a test' } as const;
  await hub.messenger.publish('deviceCommand', { id: 'pi-1' }, stop);
  await until('the command', () => commands.length === 1);
  t.deepEqual(commands, [stop]);
  t.true(board.connected);
  t.true(board.stats.bytesSent > 0);
  await board.close();
  t.is(await within('the end', board.ended), undefined);
  t.false(board.connected);
});

test('a later subscriber gets the retained messages', async (t) => {
  const fleet = testFleet();
  const hub = await startHub(fleet);
  t.teardown(() => hub.broker.close());
  const first = await connectBoard(fleet, hub.broker.url);
  await first.publish('deviceState', { id: 'pi-1' }, online);
  const second = await connectClient({
    url: hub.broker.url,
    identity: fleet.identity('pi-2'),
    keyring: fleet.keyring,
  });
  const seen: string[] = [];
  await second.subscribe('deviceState', { id: '+' }, ({ message }) => seen.push(message.kind));
  await until('the retained state', () => seen.length === 1);
  t.deepEqual(seen, ['online']);
  await Promise.all([first.close(), second.close()]);
});

test('the will comes when a board is cut off, and not when it says goodbye', async (t) => {
  const fleet = testFleet();
  const hub = await startHub(fleet);
  t.teardown(() => hub.broker.close());
  const board = await connectBoard(fleet, hub.broker.url, { will });
  await board.publish('deviceState', { id: 'pi-1' }, online);
  await until('online', () => hub.states.length === 1);
  hub.broker.disconnect('pi-1');
  // Cut off, the board comes back by itself and says again that it is online.
  await until('lost and online', () => hub.states.length === 3);
  t.deepEqual(hub.states, ['online', 'lost', 'online']);
  await board.close();
  await until('no client', () => hub.broker.clients.length === 0);
  t.deepEqual(hub.states, ['online', 'lost', 'online']);
  t.deepEqual({ ...hub.messenger.refused }, {});
});

test('after the hub comes back, subscriptions and retained messages are there again', async (t) => {
  const fleet = testFleet();
  const first = await startHub(fleet, await freePort());
  const board = await connectBoard(fleet, first.broker.url);
  const changes: boolean[] = [];
  board.onConnectionChange((connected) => changes.push(connected));
  const metrics: RunMetrics[] = [];
  await board.subscribe('runMetrics', { run: 'r' }, ({ message }) => metrics.push(message));
  await board.publish('deviceState', { id: 'pi-1' }, online);
  await first.broker.close();
  await until('the loss', () => changes.length === 1);
  // A publish while nobody is there waits for the hub.
  const report = board.publish('deviceReport', { id: 'pi-1' }, { kind: 'stopped', run: 'r', term: 1, stage: 0 });
  const second = await startHub(fleet, first.broker.port);
  t.teardown(() => second.broker.close());
  const reports: string[] = [];
  await second.messenger.subscribe('deviceReport', { id: '+' }, ({ message }) => reports.push(message.kind));
  await within('the report', report);
  await until('the return', () => changes.length === 2);
  t.deepEqual(changes, [false, true]);
  await until('state and report', () => second.states.length === 1 && reports.length === 1);
  t.deepEqual(second.states, ['online']);
  const speed = { seconds: 1, samples: 5, samplesPerSecond: 5, secondsLeft: 1, boards: [], links: [] };
  const message = { kind: 'metrics', run: 'r', term: 1, step: 1, steps: 2, loss: 1, ...speed } as const;
  await second.messenger.publish('runMetrics', { run: 'r' }, message);
  await until('the metrics', () => metrics.length === 1);
  t.is(metrics[0]!.step, 1);
  await board.close();
});

test('without reconnect a loss ends the client and everybody who waits', async (t) => {
  const fleet = testFleet();
  const hub = await startHub(fleet);
  const board = await connectBoard(fleet, hub.broker.url, { reconnect: false });
  await hub.broker.close();
  const error = await within('the end', board.ended);
  t.is((error as { code?: string } | undefined)?.code, 'CLOSED');
  await t.throwsAsync(board.publish('deviceState', { id: 'pi-1' }, online), { code: 'CLOSED' });
});

test('a refused board learns it at once, and why', async (t) => {
  const fleet = testFleet();
  const hub = await startHub(fleet);
  t.teardown(() => hub.broker.close());
  await t.throwsAsync(
    connectClient({ url: hub.broker.url, identity: fleet.identity('stranger'), keyring: fleet.keyring }),
    { code: 'CONNECTION_REFUSED', message: /stranger.*does not know this board/ },
  );
  await t.throwsAsync(connectBoard(fleet, hub.broker.url, { brokerId: 'pi-3' }), {
    code: 'CONNECTION_REFUSED',
    message: /key, the client id or the clock/,
  });
});

test('waits have a deadline and end with their signal', async (t) => {
  const fleet = testFleet();
  const hub = await startHub(fleet);
  const { url } = hub.broker;
  const board = await connectBoard(fleet, url, { timeoutMilliseconds: 2_000 });
  await hub.broker.close();
  await until('the loss', () => !board.connected);
  await t.throwsAsync(board.publish('deviceState', { id: 'pi-1' }, online), {
    code: 'DEADLINE',
    message: /publishing on .*state took longer than 2000 ms/,
  });
  const abort = new AbortController();
  const waiting = board.publish('deviceState', { id: 'pi-1' }, online, abort.signal);
  abort.abort(new Error('enough'));
  await t.throwsAsync(waiting, { message: 'enough' });
  await board.close();
  await t.throwsAsync(connectBoard(fleet, url, { timeoutMilliseconds: 2_000 }), {
    code: 'DEADLINE',
    message: /ECONNREFUSED/,
  });
  await t.throwsAsync(connectBoard(fleet, url, { signal: AbortSignal.abort(new Error('never mind')) }), {
    message: 'never mind',
  });
  await t.throwsAsync(connectBoard(fleet, 'http://127.0.0.1'), { code: 'INVALID_URL', message: /mqtt:\/\/HOST:PORT/ });
});

test('a client closes with its signal', async (t) => {
  const fleet = testFleet();
  const hub = await startHub(fleet);
  t.teardown(() => hub.broker.close());
  const abort = new AbortController();
  const board = await connectBoard(fleet, hub.broker.url, { signal: abort.signal });
  abort.abort();
  t.is(await within('the end', board.ended), undefined);
  await until('no client', () => hub.broker.clients.length === 0);
});

test('a subscription that the broker does not grant is an error', async (t) => {
  const fleet = testFleet();
  const hub = await startHub(fleet);
  t.teardown(() => hub.broker.close());
  const board = await connectBoard(fleet, hub.broker.url);
  await t.throwsAsync(board.subscribe('deviceCommand', { id: 'pi-2' }, () => {}));
  await board.close();
});

test('pauses between attempts grow, stay within 5 s, and differ', (t) => {
  t.is(retryPause(0, 0), 100);
  t.is(retryPause(0, 1), 200);
  t.true(retryPause(3, 0.5) > retryPause(1, 0.5));
  t.true(retryPause(1000, 1) <= 5000);
});
