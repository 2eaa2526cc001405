import test from 'ava';
import { publishTelemetry, type Telemetry, type TelemetryPublishing } from '../../../agent/telemetry/index.ts';
import type { DeviceTelemetry } from '../../../broker/index.ts';
import { memoryLog, until } from '../../broker/helpers.ts';

interface Room {
  readonly messages: DeviceTelemetry[];
  readonly events: readonly { readonly event: string }[];
  readonly ending: AbortController;
  samples(): number;
}

function start(t: { teardown(undo: () => void): void }, overrides: Partial<TelemetryPublishing> = {}): Room {
  const messages: DeviceTelemetry[] = [];
  const { events, log } = memoryLog();
  const ending = new AbortController();
  t.teardown(() => ending.abort());
  let samples = 0;
  const telemetry: Telemetry = {
    sources: [],
    problems: {},
    sample: () => ({ at: ++samples, memoryFreeBytes: samples }),
  };
  publishTelemetry({
    board: 'pi-1',
    telemetry,
    milliseconds: 2,
    connected: () => true,
    publish: async (message) => void messages.push(message),
    log,
    signal: ending.signal,
    ...overrides,
  });
  return { messages, events, ending, samples: () => samples };
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test('a message goes out at every interval, with what the process uses', async (t) => {
  const { messages } = start(t);
  await until('three messages', () => messages.length >= 3);
  t.like(messages[1], { kind: 'telemetry', board: 'pi-1', memoryFreeBytes: 2 });
  t.true(messages[0]!.residentBytes > 0);
  t.true(messages[0]!.cpuSeconds > 0);
  t.false('at' in messages[0]!);
});

test('the signal ends it', async (t) => {
  const { messages, ending } = start(t);
  await until('a message', () => messages.length > 0);
  ending.abort();
  const sent = messages.length;
  await pause(20);
  t.is(messages.length, sent);
});

test('a signal that came before lets nothing begin', async (t) => {
  const room = start(t, { signal: AbortSignal.abort() });
  await pause(20);
  t.is(room.samples(), 0);
});

test('while there is no connection nothing is read, and nothing waits', async (t) => {
  let connected = false;
  const room = start(t, { connected: () => connected });
  await pause(20);
  t.is(room.samples(), 0);
  connected = true;
  await until('a message', () => room.messages.length > 0);
  t.is(room.messages[0]!.memoryFreeBytes, 1);
});

test('a slow publication is waited for, and none queues up behind it', async (t) => {
  let release: () => void = () => {};
  const room = start(t, { publish: () => new Promise((resolve) => (release = resolve)) });
  await until('the first', () => room.samples() === 1);
  await pause(20);
  t.is(room.samples(), 1);
  release();
  await until('the second', () => room.samples() === 2);
});

test('a publication that fails is said once, and again after one that did not', async (t) => {
  let broken = true;
  const sent: unknown[] = [];
  const room = start(t, {
    publish: async (message) => {
      if (broken) throw new Error('no route');
      sent.push(message);
    },
  });
  await until('some attempts', () => room.samples() >= 4);
  t.deepEqual(
    room.events.map(({ event }) => event),
    ['telemetry-unpublished'],
  );
  broken = false;
  await until('a message', () => sent.length > 0);
  broken = true;
  await until('the next word', () => room.events.length === 2);
});

test('a sample that throws is a failed publication, not the end of the agent', async (t) => {
  const telemetry: Telemetry = {
    sources: [],
    problems: {},
    sample: () => {
      throw new Error('a bug');
    },
  };
  const room = start(t, { telemetry });
  await until('the word', () => room.events.length === 1);
  await pause(10);
  t.is(room.events.length, 1);
});
