import test from 'ava';
import { createPacketGuard } from '../../broker/server/guard.ts';
import { randomFrom } from './helpers.ts';

const limits = { bytesBeforeConnect: 100, packetBytes: 1000 };
const connect = Buffer.concat([Buffer.from([0x10, 20]), Buffer.alloc(20)]);
const ping = Buffer.from([0xc0, 0]);
/** A PUBLISH of `bytes` after its fixed header. */
const publish = (bytes: number): Buffer =>
  Buffer.concat([Buffer.from([0x30, (bytes & 127) | 128, bytes >> 7]), Buffer.alloc(bytes)]);

function acceptedGuard() {
  const guard = createPacketGuard(limits);
  guard.check(connect);
  guard.accept();
  return guard;
}

test('packets within the limits pass, whole or byte by byte', (t) => {
  const stream = Buffer.concat([ping, publish(500), ping, publish(997), publish(200)]);
  t.is(acceptedGuard().check(stream), null);
  const slow = acceptedGuard();
  for (const byte of stream) t.is(slow.check(Uint8Array.of(byte)), null);
  t.is(slow.bytes, connect.length + stream.length);
});

test('a longer packet is refused as soon as its length is known', (t) => {
  t.is(acceptedGuard().check(publish(998)), 'packet-too-large');
  const guard = acceptedGuard();
  t.is(guard.check(Buffer.from([0x30, 0xff])), null);
  t.is(guard.check(Buffer.from([0xff])), 'packet-too-large');
});

test('before CONNECT is accepted only a few bytes are taken', (t) => {
  t.is(createPacketGuard(limits).check(Buffer.from([0x10, 0xff, 0x7f])), 'packet-too-large');
  const many = createPacketGuard(limits);
  t.is(many.check(connect), null);
  for (let round = 0; round < 39; round += 1) t.is(many.check(ping), null);
  t.is(many.check(ping), 'packet-too-large');
});

test('what does not begin with CONNECT is not MQTT', (t) => {
  t.is(createPacketGuard(limits).check(ping), 'not-mqtt');
  t.is(createPacketGuard(limits).check(Buffer.from('GET / HTTP/1.1\r\n')), 'not-mqtt');
});

test('a length of more than four bytes is not MQTT', (t) => {
  const roomy = createPacketGuard({ bytesBeforeConnect: 2 ** 30, packetBytes: 2 ** 30 });
  t.is(roomy.check(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 1])), 'not-mqtt');
});

test('random bytes never make a guard throw', (t) => {
  const random = randomFrom(3);
  for (let round = 0; round < 5000; round += 1) {
    const guard = round % 2 === 0 ? createPacketGuard(limits) : acceptedGuard();
    const chunk = Uint8Array.from({ length: 40 }, () => Math.floor(random() * 256));
    t.notThrows(() => guard.check(chunk));
  }
});
