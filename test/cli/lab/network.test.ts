import test from 'ava';
import { boardAddress, macOf } from '../../../cli/lab/network/addresses.ts';
import { bridgeBatches, relayBatches, relayPorts, type Station } from '../../../cli/lab/network/commands.ts';
import { wireOf } from '../../../cli/lab/network/wire.ts';

const linesOf = (batches: ReturnType<typeof relayBatches>, tool: 'ip' | 'tc', namespace: string) =>
  batches.filter((batch) => batch.tool === tool && batch.namespace === namespace).flatMap(({ lines }) => lines);

function station(name: string, index: number, link: Parameters<typeof wireOf>[0]): Station {
  return { namespace: `lab-${name}`, address: boardAddress(index), wire: wireOf(link) };
}

const hub: Station = { namespace: 'lab-hub', address: '10.213.0.1', wire: wireOf(undefined) };

test('between two boards of the same link a frame meets its delay and its loss once', (t) => {
  const { delaySeconds, loss } = wireOf({ bytesPerSecond: 1e6, delaySeconds: 0.002, loss: 0.19 });
  t.is(2 * delaySeconds, 0.002);
  t.true(Math.abs(1 - (1 - loss) ** 2 - 0.19) < 1e-12);
});

test('addresses are different for each board, and none is a network or broadcast address', (t) => {
  const addresses = Array.from({ length: 200 }, (_, index) => boardAddress(index));
  t.is(new Set(addresses).size, 200);
  t.is(addresses[0], '10.213.0.2');
  t.false(addresses.some((address) => /\.(255)$|^10\.213\.0\.[01]$/.test(address)));
  t.is(macOf('10.213.0.2'), '02:00:0a:d5:00:02');
});

test('with only rates the boards hang on a bridge, and tbf limits both directions', (t) => {
  const board = station('a', 0, { bytesPerSecond: 12.5e6, delaySeconds: 0, loss: 0 });
  const batches = bridgeBatches(hub, [board]);
  const limit = 'tbf rate 100000000bit burst 12500 latency 50ms';
  t.deepEqual(linesOf(batches, 'tc', 'lab-hub'), [`qdisc add dev port1 root handle 1: ${limit}`]);
  t.deepEqual(linesOf(batches, 'tc', 'lab-a'), [`qdisc add dev eth0 root handle 1: ${limit}`]);
  t.true(linesOf(batches, 'ip', 'lab-a').includes('address add 10.213.0.2/16 dev eth0'));
  t.true(linesOf(batches, 'ip', 'lab-hub').some((line) => line.includes('veth peer name eth0')));
});

test('where the kernel has netem it delays and loses below the rate, half of it on each wire', (t) => {
  const board = station('a', 0, { bytesPerSecond: 12.5e6, delaySeconds: 0.002, loss: 0.0199 });
  const lines = linesOf(bridgeBatches(hub, [board]), 'tc', 'lab-a');
  t.is(lines.length, 2);
  t.is(lines[1], 'qdisc add dev eth0 parent 1:1 handle 10: netem limit 20000 delay 1000us loss 1%');
});

test('a link without a rate gets netem alone, and a board without a link nothing', (t) => {
  const delayed = station('a', 0, { delaySeconds: 0.01, loss: 0 });
  const free = station('b', 1, undefined);
  const batches = bridgeBatches(hub, [delayed, free]);
  t.deepEqual(linesOf(batches, 'tc', 'lab-a'), [
    'qdisc add dev eth0 root handle 10: netem limit 20000 delay 5000us loss 0%',
  ]);
  t.deepEqual(linesOf(batches, 'tc', 'lab-b'), []);
});

test('a relay takes the place of the bridge: TAP devices, tbf upwards, the rest by the ports that it is told', (t) => {
  const board = station('a', 0, { bytesPerSecond: 12.5e6, delaySeconds: 0.002, loss: 0 });
  const batches = relayBatches([hub, board]);
  t.true(linesOf(batches, 'ip', 'lab-a').includes('tuntap add dev eth0 mode tap vnet_hdr'));
  t.true(linesOf(batches, 'ip', 'lab-hub').includes('tuntap add dev eth0 mode tap vnet_hdr'));
  t.is(linesOf(batches, 'tc', 'lab-a').length, 1);
  t.deepEqual(relayPorts([board]), [
    {
      namespace: '/run/netns/lab-a',
      device: 'eth0',
      mac: '02:00:0a:d5:00:02',
      delaySeconds: 0.001,
      loss: 0,
      bytesPerSecond: 12.5e6,
    },
  ]);
});

test('a slow link still takes two whole frames at once', (t) => {
  const board = station('a', 0, { bytesPerSecond: 12_500, delaySeconds: 0, loss: 0 });
  t.regex(linesOf(bridgeBatches(hub, [board]), 'tc', 'lab-a')[0]!, /burst 3028 /);
});
