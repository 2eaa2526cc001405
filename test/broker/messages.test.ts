import test from 'ava';
import { canonicalJson, createMessenger, type DeviceReport, type RawChannel } from '../../broker/index.ts';
import { createMemoryChannel } from '../../broker/link/memory.ts';
import { openMessage, sealMessage, WILL_SEQUENCE } from '../../broker/messages/envelope.ts';
import { createReplayGuard } from '../../broker/messages/replay.ts';
import { type MessageType, messageProblem, type messageTables } from '../../broker/messages/tables.ts';
import { memoryLog, randomFrom, testFleet, until } from './helpers.ts';

const fleet = testFleet();
const { keyring } = fleet;
const topic = 'flotilla/lab/devices/pi-1/state';
const lost = { kind: 'lost', board: 'pi-1' } as const;
const position = { incarnation: 5, sequence: 9 };

const since = '2026-11-27T23:41:07.000Z';

/** One valid message of every kind. A kind without a sample does not compile. */
const samples: { readonly [T in MessageType]: { readonly [K in keyof (typeof messageTables)[T]]: object } } = {
  deviceState: {
    online: {
      board: 'pi-1',
      dataUrl: 'mqtt://127.0.0.2:1883',
      engine: { name: 'onnxruntime', version: '1.30.0' },
      cores: 4,
      memoryBytes: 2 ** 32,
      pid: 17,
    },
    offline: { board: 'pi-1', reason: 'told to' },
    lost: { board: 'pi-1' },
  },
  deviceProfile: { profile: { board: 'pi-1', model: 'Pi 4', cores: 4, memoryBytes: 1, platform: 'linux-arm64' } },
  deviceStage: {
    idle: { board: 'pi-1', since },
    measuring: { board: 'pi-1', since, run: 'r', term: 1 },
    preparing: { board: 'pi-1', since, run: 'r', term: 1, stage: 0, firstBlock: 0, lastBlock: 3 },
    training: { board: 'pi-1', since, run: 'r', term: 1, stage: 0, firstBlock: 0, lastBlock: 3 },
  },
  deviceHeartbeat: { beat: { board: 'pi-1' } },
  deviceService: { drained: { board: 'pi-1', reason: 'a new card' }, serving: { board: 'pi-1' } },
  deviceTelemetry: { telemetry: { board: 'pi-1', residentBytes: 1, cpuSeconds: 0.5 } },
  deviceCommand: {
    survey: { run: 'r', term: 1, round: 0, wish: { budgetSeconds: 30 } },
    prepare: {
      run: 'r',
      term: 1,
      stage: 0,
      plan: { deep: [{ er: null }] },
      fromStep: 0,
      sources: ['pi-2', null],
      stateBytes: [40, 0],
      hubUrl: 'mqtt://127.0.0.1:1883',
    },
    grant: { run: 'r', term: 1, toStep: 20, capture: true, replicate: false },
    forget: { run: 'r', but: 20 },
    clip: { run: 'r', term: 1, step: 3, squaredNorm: 0.25 },
    propose: { run: 'r', term: 2, stage: null, plan: {}, before: {}, stateBytes: [], hubUrl: 'mqtt://127.0.0.1:1883' },
    commit: { run: 'r', term: 2, step: 7 },
    encode: { run: 'r', term: 1, codecs: { warmUpSteps: 0, links: [] } },
    stop: { run: 'r', term: 1, reason: 'done' },
  },
  deviceReport: {
    surveyed: { run: 'r', term: 1, round: 0, survey: null },
    prepared: { run: 'r', term: 1, stage: 0, seconds: 0.1 },
    step: {
      run: 'r',
      term: 1,
      stage: 0,
      step: 3,
      loss: null,
      samples: 16,
      computeSeconds: 1,
      overheadSeconds: 0.1,
      waitSeconds: 0,
      wallSeconds: 1.2,
      bytesSent: 10,
      bytesReceived: 20,
      links: [{ to: 'pi-2', bytes: 8 }],
    },
    ready: { run: 'r', term: 2, seconds: 3, linkSeconds: 0.5 },
    moved: { run: 'r', term: 2, seconds: 0.1, bytes: 100 },
    replicated: { run: 'r', term: 1, stage: 0, step: 20, to: 'pi-2', bytes: 40, seconds: 0.1 },
    norms: { run: 'r', term: 1, stage: 0, step: 3, squaredNorms: [1, 0.5] },
    captured: { run: 'r', term: 1, stage: 0, step: 3, tensors: 4, bytes: 100 },
    failed: { run: 'r', term: 1, stage: 0, step: 3, error: { code: 'NAN_LOSS', message: 'loss is NaN' } },
    stopped: { run: 'r', term: 1, stage: 0 },
  },
  runPlan: { plan: { run: 'r', term: 1, plan: {} } },
  runState: { state: { run: 'r', term: 2, phase: 'paused', step: 7 } },
  runMetrics: {
    metrics: {
      run: 'r',
      term: 1,
      step: 3,
      steps: 10,
      loss: 2.3,
      seconds: 0.2,
      samples: 16,
      samplesPerSecond: 100,
      secondsLeft: 1.5,
      boards: [
        {
          board: 'pi-1',
          stage: 0,
          computeSeconds: 0.1,
          overheadSeconds: 0.01,
          waitSeconds: 0.05,
          wallSeconds: 0.2,
          busyShare: 0.75,
        },
      ],
      links: [{ from: 'pi-1', to: 'pi-2', bytes: 8, relativeError: 0.04 }],
    },
  },
  runEvent: { event: { run: 'r', what: 'started', detail: {} } },
  linkWindow: {
    window: { run: 'r', term: 1, credits: { activation: 3 }, bytes: { activation: 300 }, maxTensorBytes: 100 },
  },
  linkStatus: {
    status: {
      run: 'r',
      incarnation: 1,
      answers: 0,
      next: 3,
      open: [{ sequence: 2, chunks: 1 }],
      held: [0],
      lost: [{ sequence: 1, reason: 'chunk-missing' }],
      refused: 1,
    },
  },
  linkProbe: {
    probe: { run: 'r', incarnation: 1, number: 1, underWay: [0, 2] },
    session: { run: 'r', incarnation: 1, number: 1, key: 'a', answers: 'b' },
  },
};

const everyKind = (Object.keys(samples) as MessageType[]).flatMap((type) =>
  Object.entries(samples[type]).map(([kind, fields]) => ({ type, kind, message: { kind, ...fields } })),
);

for (const { type, kind, message } of everyKind) {
  test(`${type} ${kind} passes, and neither with a field more nor with one less or wrong`, (t) => {
    t.is(messageProblem(type, message), null);
    t.is(messageProblem(type, { ...message, extra: 1 }), `${kind}.extra is not a known field`);
    for (const field of Object.keys(message)) {
      const { [field as never]: _left, ...rest } = message as Record<string, unknown>;
      t.regex(messageProblem(type, rest) ?? '', new RegExp(field));
      t.regex(messageProblem(type, { ...message, [field]: Symbol.for('x') }) ?? '', new RegExp(field));
    }
  });
}

test('the example of RFC 8785 comes out as the RFC prints it', (t) => {
  // RFC 8785 §3.2.2 and §3.2.3.
  const value = JSON.parse(
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
      '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
  );
  t.is(
    canonicalJson(value),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
  const keys = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
  t.deepEqual(
    Object.values(
      JSON.parse(
        `[${canonicalJson(keys)
          .slice(1, -1)
          .replace(/"[^"]*":/g, '')}]`,
      ),
    ),
    [2, 4, 6, 7, 1, 5, 3],
  );
});

test('what JSON cannot carry has no canonical form', (t) => {
  t.throws(() => canonicalJson({ a: Number.NaN }), { code: 'NOT_CANONICAL_JSON', message: /\$\.a is NaN/ });
  t.throws(() => canonicalJson(['\ud800']), { code: 'NOT_CANONICAL_JSON', message: /lone surrogate/ });
  let deep: unknown = 1;
  for (let level = 0; level < 100; level += 1) deep = [deep];
  t.throws(() => canonicalJson(deep), { code: 'NOT_CANONICAL_JSON', message: /deeper than 64/ });
  t.is(canonicalJson({ b: undefined, a: -0 }), '{"a":0}');
});

test('a sealed message is one readable JSON object, and opens', (t) => {
  const payload = sealMessage(fleet.identity('pi-1'), 'lab', topic, lost, position, '2026-11-23T10:00:00.000Z');
  const shown = JSON.parse(payload.toString());
  t.deepEqual(Object.keys(shown), ['from', 'at', 'incarnation', 'sequence', 'message', 'signature']);
  const opened = openMessage(keyring, topic, payload);
  t.true(opened.ok);
  if (opened.ok) t.like(opened.received, { from: 'pi-1', message: lost, ...position });
});

test('a sealed message is these very bytes', (t) => {
  const payload = sealMessage(fleet.identity('pi-1'), 'lab', topic, lost, position);
  t.is(
    payload.toString(),
    // Signed by tweetnacl, not by the code under test.
    '{"from":"pi-1","incarnation":5,"sequence":9,"message":{"kind":"lost","board":"pi-1"},"signature":' +
      '"XmVwIMthCY8RVjN7RsbMH7Rvo9gv0zwv/Q649x/wAnyJbXMQqBn/9yj+Lw/fnnN0o7QGpsjfZnCVhfJx3iFSDg=="}',
  );
});

const sealed = (): Record<string, unknown> =>
  JSON.parse(sealMessage(fleet.identity('pi-1'), 'lab', topic, lost, position).toString());
const reasonOf = (value: unknown, on = topic): string => {
  const payload = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
  const opened = openMessage(keyring, on, payload);
  return opened.ok ? 'ok' : opened.reason;
};

test('a message is refused by name for whatever is wrong with it', (t) => {
  t.is(reasonOf(sealed()), 'ok');
  t.is(reasonOf(Buffer.from('{')), 'not-json');
  t.is(reasonOf(Buffer.from([0xff, 0xfe])), 'not-json');
  t.is(reasonOf(Buffer.alloc(5000, 0x20)), 'too-large');
  t.is(reasonOf([]), 'bad-envelope');
  t.is(reasonOf(null), 'bad-envelope');
  t.is(reasonOf({ ...sealed(), extra: 1 }), 'bad-envelope');
  t.is(reasonOf({ ...sealed(), sequence: -1 }), 'bad-envelope');
  t.is(reasonOf({ ...sealed(), from: 'pi-9' }), 'unknown-sender');
  t.is(reasonOf({ ...sealed(), from: 'pi-2' }), 'not-permitted');
  t.is(reasonOf({ ...sealed(), sequence: 10 }), 'bad-signature');
  t.is(reasonOf({ ...sealed(), incarnation: 6 }), 'bad-signature');
  t.is(reasonOf({ ...sealed(), at: 'now' }), 'bad-signature');
  t.is(reasonOf({ ...sealed(), message: { kind: 'offline', board: 'pi-1', reason: '' } }), 'bad-signature');
  t.is(reasonOf({ ...sealed(), signature: '' }), 'bad-signature');
  t.is(reasonOf(sealed(), 'flotilla/lab/devices/pi-1/unknown'), 'unknown-topic');
  t.is(reasonOf(sealed(), 'flotilla/other/devices/pi-1/state'), 'unknown-topic');
  // The topic is signed too: the same bytes on another topic of the same board do not pass.
  t.is(reasonOf(sealed(), 'flotilla/lab/devices/pi-1/profile'), 'bad-signature');
});

test('a signed message of another type is refused as a bad message', (t) => {
  const anything = { ...fleet.identity('pi-1') };
  const message = { kind: 'lost', board: 'pi-1', and: 'more' };
  const unsigned = { from: 'pi-1', ...position, message };
  const bytes = Buffer.from(`flotilla message 1\n${canonicalJson({ topic, ...unsigned })}`);
  t.is(reasonOf({ ...unsigned, signature: anything.sign(bytes).toString('base64') }), 'bad-message');
});

test('a revoked board is refused', (t) => {
  const { keyring: own } = testFleet();
  own.revoke('pi-1');
  const opened = openMessage(own, topic, Buffer.from(JSON.stringify(sealed())));
  t.false(opened.ok);
  if (!opened.ok) t.is(opened.reason, 'revoked-sender');
});

test('deep, polluting and random JSON neither throws nor passes', (t) => {
  const deep = `${'['.repeat(2000)}${']'.repeat(2000)}`;
  t.is(reasonOf({ ...sealed(), message: JSON.parse(deep) }), 'too-large');
  t.is(reasonOf({ ...sealed(), message: JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`) }), 'bad-signature');
  const plan = { kind: 'plan', run: 'r', term: 1, plan: JSON.parse('{"__proto__":{"x":1}}') };
  t.regex(messageProblem('runPlan', plan) ?? '', /__proto__/);
  const random = randomFrom(1);
  const whole = Buffer.from(JSON.stringify(sealed()));
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = Buffer.from(whole);
    const at = Math.floor(random() * bytes.length);
    const before = bytes[at]!;
    bytes[at] = Math.floor(random() * 256);
    if (bytes[at] === before) continue;
    const opened = openMessage(keyring, topic, bytes);
    // A changed byte may leave the same meaning (a space, the unused bits at the end of base64), never another.
    if (opened.ok) t.deepEqual(opened.received.message as unknown, lost as unknown);
  }
});

test('publishing a message that breaks its table is our own bug, and named', (t) => {
  t.throws(() => sealMessage(fleet.identity('pi-1'), 'lab', topic, { kind: 'lost' }, position), {
    code: 'INVALID_MESSAGE',
    message: /lost\.board is missing/,
  });
  t.throws(() => sealMessage(fleet.identity('pi-1'), 'lab', 'flotilla/lab/links/pi-1/pi-2/frames', lost, position), {
    code: 'INVALID_MESSAGE',
  });
});

test('positions have to grow, and the last will ends its incarnation', (t) => {
  const guard = createReplayGuard();
  const admit = (incarnation: number, sequence: number) => guard.admit('pi-1', topic, { incarnation, sequence });
  t.is(admit(1, 0), 'fresh');
  t.is(admit(1, 0), 'same');
  t.is(admit(1, 5), 'fresh');
  t.is(admit(1, 4), 'old');
  t.is(admit(1, WILL_SEQUENCE), 'fresh');
  t.is(admit(1, 6), 'old');
  t.is(admit(2, 0), 'fresh');
  t.is(admit(1, WILL_SEQUENCE), 'old');
  t.is(guard.admit('pi-1', 'other', { incarnation: 1, sequence: 0 }), 'fresh');
  t.is(guard.admit('pi-2', topic, { incarnation: 1, sequence: 0 }), 'fresh');
});

test('the memory of a replay guard is bounded', (t) => {
  const guard = createReplayGuard(2);
  for (const sender of ['a', 'b', 'c']) t.is(guard.admit(sender, topic, position), 'fresh');
  t.is(guard.admit('a', topic, position), 'fresh');
  t.is(guard.admit('c', topic, position), 'same');
});

const rawPublish = (channel: RawChannel, on: string, payload: Buffer): Promise<void> =>
  channel.publishRaw(on, payload, { qos: 0, retain: false });

test('a messenger hands over what verifies, and counts and logs the rest', async (t) => {
  const channel = createMemoryChannel();
  const { events, log } = memoryLog();
  const board = createMessenger({ channel, identity: fleet.identity('pi-1'), keyring, log });
  const hub = createMessenger({ channel, identity: fleet.identity('hub'), keyring, log });
  const got: DeviceReport[] = [];
  const stop = await hub.subscribe('deviceReport', { id: '+' }, ({ message }) => got.push(message));
  const report = { kind: 'stopped', run: 'r', term: 1, stage: 0 } as const;
  let copy: Buffer = Buffer.alloc(0);
  await channel.subscribeRaw('flotilla/lab/devices/pi-1/report', 1, ({ payload }) => {
    copy = payload;
  });
  await board.publish('deviceReport', { id: 'pi-1' }, report);
  await until('the report', () => got.length === 1);
  t.deepEqual(got, [report]);

  await rawPublish(channel, 'flotilla/lab/devices/pi-1/report', Buffer.from(copy));
  await rawPublish(channel, 'flotilla/lab/devices/pi-1/report', Buffer.from('garbage'));
  await until('both refusals', () => events.length === 2);
  t.deepEqual({ ...hub.refused }, { replayed: 1, 'not-json': 1 });
  t.deepEqual(
    events.map(({ detail }) => detail.reason),
    ['replayed', 'not-json'],
  );
  stop();
  await board.publish('deviceReport', { id: 'pi-1' }, report);
  t.is(got.length, 1);
});
