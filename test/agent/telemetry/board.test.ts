import test, { type ExecutionContext } from 'ava';
import { connect } from 'mqtt';
import { startBoard } from '../../../agent/index.ts';
import { createMessenger, type DeviceTelemetry } from '../../../broker/index.ts';
import { messageProblem } from '../../../broker/messages/tables.ts';
import { memoryLog, startTestBroker, testFleet, until, within } from '../../broker/helpers.ts';
import { fleetModel } from '../../planner/predictor/boards.ts';
import { openBoard } from './boards.ts';

const topic = 'flotilla/lab/devices/pi-1/telemetry';

/** A hub's broker that lets this machine watch, and a board that takes itself for an Orin Nano. */
async function startFleet(t: ExecutionContext, seconds: number) {
  const fleet = testFleet();
  const hub = await startTestBroker(fleet, 'hub', { allowLocalObservers: true });
  t.teardown(() => hub.close());
  const tree = await openBoard('orin-nano');
  t.teardown(tree.remove);
  const { events, log } = memoryLog();
  const messenger = createMessenger({ channel: hub, identity: fleet.identity('hub'), keyring: fleet.keyring, log });
  const messages: DeviceTelemetry[] = [];
  await messenger.subscribe('deviceTelemetry', { id: '+' }, ({ message, from }) => {
    t.is(from, 'pi-1');
    messages.push(message);
  });
  const board = await startBoard({
    identity: fleet.identity('pi-1'),
    keyring: fleet.keyring,
    hubUrl: hub.url,
    host: '127.0.0.1',
    port: 0,
    threads: 1,
    predictor: fleetModel(),
    telemetry: { seconds, root: tree.root },
    log,
  });
  return { hub, tree, board, messages, messenger, events };
}

test('a board publishes what it has: signed, verified by the hub, and well-formed', async (t) => {
  const { hub, tree, board, messages, messenger, events } = await startFleet(t, 0.02);
  await tree.advance();
  await until('a load', () => messages.some(({ cpuLoad }) => cpuLoad === 0.5));
  const message = messages.find(({ cpuLoad }) => cpuLoad === 0.5)!;
  t.is(messageProblem('deviceTelemetry', message), null);
  t.like(message, {
    kind: 'telemetry',
    board: 'pi-1',
    cpusOnline: 6,
    frequencyMaxHz: 1_344_000_000,
    frequencyHardwareMaxHz: 1_728_000_000,
    temperatureC: 48,
    temperatureZone: 'cpu-thermal',
    gpuLoad: 0.04,
  });
  t.false('throttled' in message, 'what the board does not have is absent');
  await board.close();
  t.deepEqual({ ...messenger.refused }, {});
  t.deepEqual(
    events.filter(({ event }) => event.startsWith('telemetry')),
    [],
  );
  // What it sent last may still be on its way.
  await until('its goodbye', () => hub.clients.length === 0);
  const received = messages.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.is(messages.length, received, 'a closed board is silent');
});

test('an ordinary MQTT client on the hub reads it as JSON', async (t) => {
  const { hub, board } = await startFleet(t, 0.02);
  const observer = connect(hub.url, { protocolVersion: 4, reconnectPeriod: 0 });
  t.teardown(async () => void observer.end(true));
  const arrived = new Promise<string>((resolve) => observer.once('message', (_, payload) => resolve(String(payload))));
  await observer.subscribeAsync(topic);
  const envelope = JSON.parse(await within('a message', arrived));
  t.deepEqual(Object.keys(envelope), ['from', 'at', 'incarnation', 'sequence', 'message', 'signature']);
  t.is(envelope.from, 'pi-1');
  t.is(messageProblem('deviceTelemetry', envelope.message), null);
  // Before the end: each message that it sends is asserted of.
  await board.close();
});

test('a board with telemetry switched off sends none', async (t) => {
  const { board, messages } = await startFleet(t, 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.is(messages.length, 0);
  await board.close();
});
