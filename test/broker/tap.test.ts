import test from 'ava';
import type { Diversion } from '../../broker/messages/channel.ts';
import { publishBytes, publishHead } from '../../broker/mqtt/publish.ts';
import { createTap, type Tap } from '../../broker/server/tap.ts';

const HEAD_BYTES = 4;
const FRAMES = 'fleet/links/frames';
const CREDITS = 'fleet/links/credits';
const PING = Buffer.from([0xc0, 0]);

/** Everything that came out of a tap. */
interface Seen {
  readonly passed: Buffer[];
  readonly taken: { head: string; payload: Buffer; ended: boolean; aborted: boolean }[];
}

const publish = (topic: string, payload: Buffer): Buffer =>
  Buffer.concat([publishHead(topic, payload.length), payload]);

function tapOf(seen: Seen, { refuse = () => false }: { refuse?: (head: string) => boolean } = {}) {
  const diversion: Diversion = {
    headBytes: HEAD_BYTES,
    open(head, payloadBytes) {
      if (refuse(head.toString())) return null;
      const one = {
        head: head.toString(),
        payload: Buffer.alloc(payloadBytes - HEAD_BYTES),
        ended: false,
        aborted: false,
      };
      seen.taken.push(one);
      let at = 0;
      return {
        write(part) {
          one.payload.set(part, at);
          at += part.length;
        },
        place: () => one.payload.subarray(at),
        wrote(count) {
          at += count;
        },
        end() {
          one.ended = at === one.payload.length;
        },
        abort() {
          one.aborted = true;
        },
      };
    },
  };
  return createTap({
    headBytesAtMost: HEAD_BYTES,
    diversionOf: (topic) => (topic === FRAMES ? diversion : undefined),
    pass(bytes) {
      seen.passed.push(Buffer.from(bytes));
      return bytes.length !== 1;
    },
  });
}

/** As the system reads from a socket: into the place that the tap names, as much as fits. */
function feed(tap: Tap, chunk: Buffer): boolean {
  let more = true;
  for (let at = 0; at < chunk.length; ) {
    const place = tap.place();
    const count = Math.min(place.length, chunk.length - at);
    place.set(chunk.subarray(at, at + count));
    at += count;
    more = tap.read(count);
  }
  return more;
}

const bytes = (length: number, seed: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => (index * 31 + seed * 17) & 255));

const withHead = (head: string, payload: Buffer): Buffer => Buffer.concat([Buffer.from(head), payload]);

const payloads = [bytes(0, 1), bytes(1, 2), bytes(300, 3), bytes(70_000, 4)];
const others = [
  PING,
  publish(CREDITS, bytes(50, 5)),
  publish(FRAMES, Buffer.from('abc')),
  publish('x', Buffer.alloc(0)),
];

/** Packets for the broker and for the tap, in turn. */
const stream = Buffer.concat(
  payloads.flatMap((payload, index) => [others[index]!, publish(FRAMES, withHead(`fr-${index}`, payload)), PING]),
);
const forBroker = Buffer.concat(payloads.flatMap((_, index) => [others[index]!, PING]));

for (const size of [1, 2, 3, 7, 64, 1000, 65_536, stream.length]) {
  test(`in chunks of ${size} bytes, payloads go to their place and everything else to the broker as it was`, (t) => {
    const seen: Seen = { passed: [], taken: [] };
    const tap = tapOf(seen);
    for (let at = 0; at < stream.length; at += size) feed(tap, stream.subarray(at, at + size));
    t.deepEqual(Buffer.concat(seen.passed), forBroker);
    t.deepEqual(
      seen.taken.map(({ head, payload, ended }) => [head, payload.toString('hex'), ended]),
      payloads.map((payload, index) => [`fr-${index}`, payload.toString('hex'), true]),
    );
  });
}

test('a payload that finds no place goes to the broker whole, wherever it was cut', (t) => {
  const packet = publish(FRAMES, withHead('none', bytes(100, 1)));
  for (let cut = 0; cut <= packet.length; cut += 1) {
    const seen: Seen = { passed: [], taken: [] };
    const tap = tapOf(seen, { refuse: () => true });
    feed(tap, packet.subarray(0, cut));
    feed(tap, packet.subarray(cut));
    t.deepEqual(Buffer.concat(seen.passed), packet, `cut at ${cut}`);
  }
});

test('a connection that ends within a payload aborts it', (t) => {
  const seen: Seen = { passed: [], taken: [] };
  const tap = tapOf(seen);
  feed(tap, publish(FRAMES, withHead('half', bytes(100, 1))).subarray(0, 60));
  tap.close();
  t.deepEqual([seen.taken[0]?.ended, seen.taken[0]?.aborted], [false, true]);
});

test('what the broker says of its appetite is handed on', (t) => {
  const tap = tapOf({ passed: [], taken: [] });
  t.true(feed(tap, PING));
});

test('the bytes of a packet are counted as they are written', (t) => {
  for (const length of [0, 1, 120, 16_300, 2_097_100]) {
    const packet = publish(CREDITS, Buffer.alloc(length));
    t.is(publishBytes(CREDITS, length), packet.length);
  }
});
