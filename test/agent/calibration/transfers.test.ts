import test from 'ava';
import { measureLink, measureMessages, messageCostOf, openProbeReceiver } from '../../../agent/index.ts';
import { createMqttTransport } from '../../../broker/index.ts';
import { startTestBroker, testFleet } from '../../broker/helpers.ts';

const place = { run: 'r', term: 1 };
const { signal } = new AbortController();

test('a board times tensors to another one, and to itself, through real brokers', async (t) => {
  const fleet = testFleet();
  const { keyring } = fleet;
  const [own, other] = await Promise.all([startTestBroker(fleet, 'pi-1'), startTestBroker(fleet, 'pi-2')]);
  const transport = createMqttTransport({ identity: fleet.identity('pi-1'), keyring, broker: own });
  const far = createMqttTransport({ identity: fleet.identity('pi-2'), keyring, broker: other });
  t.teardown(async () => {
    await Promise.all([transport.close(), far.close()]);
    await Promise.all([own.close(), other.close()]);
  });
  await openProbeReceiver(far, 'pi-1', place);
  await openProbeReceiver(transport, 'pi-1', place);
  const link = await measureLink(transport, 'pi-2', other.url, place, signal);
  t.is(link.to, 'pi-2');
  t.deepEqual(
    link.transfers.map(({ bytes }) => bytes),
    [...Array(5).fill(16_384), ...Array(5).fill(262_144)],
  );
  t.true(link.transfers.every(({ seconds }) => seconds > 0));
  const itself = await measureMessages(transport, 'pi-1', own.url, place, signal);
  t.is(itself.transfers.length, 4 * link.transfers.length);
  const cost = messageCostOf(itself.transfers, 2, 1);
  t.true(cost.seconds > 0 && cost.seconds < 1);
  t.true(cost.besideComputing);
});

test('the cost of a message is what all sizes share, and what grows with the bytes', (t) => {
  const transfers = [16_384, 262_144].flatMap((bytes) =>
    Array(4).fill({ bytes, seconds: 1, cpuSeconds: 1e-3 + 4e-9 * bytes }),
  );
  const { seconds, secondsPerByte } = messageCostOf(transfers, 1, 1);
  t.true(Math.abs(seconds - 1e-3) < 1e-9);
  t.true(Math.abs(secondsPerByte - 4e-9) < 1e-15);
  t.true(Math.abs(messageCostOf(transfers, 0.1, 1).seconds - 1e-2) < 1e-8, 'a tenth of a core takes ten times as long');
  t.deepEqual(messageCostOf([], 1, 1), { seconds: 0, secondsPerByte: 0, besideComputing: false });
});

test('an abort ends it at once with its reason', async (t) => {
  const fleet = testFleet();
  const broker = await startTestBroker(fleet, 'pi-1');
  const transport = createMqttTransport({ identity: fleet.identity('pi-1'), keyring: fleet.keyring, broker });
  t.teardown(async () => {
    await transport.close();
    await broker.close();
  });
  const ending = new AbortController();
  const measuring = measureLink(transport, 'pi-1', broker.url, place, ending.signal);
  ending.abort(new Error('enough'));
  await t.throwsAsync(measuring, { message: 'enough' });
});
