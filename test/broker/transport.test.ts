import test from 'ava';
import { openConnection } from '../../broker/client/connection.ts';
import { createMemoryNetwork, createMqttTransport, createToken } from '../../broker/index.ts';
import { startTestBroker, type TestFleet } from './helpers.ts';
import { type OpenEnds, transportContract } from './transport.contract.ts';

const TIMEOUT_MILLISECONDS = 5000;
const FRAMES = 'flotilla/lab/links/pi-1/pi-2/frames';
const NO_RETAIN = { qos: 0, retain: false } as const;

const needsOf = (fleet: TestFleet, id: string) => ({
  identity: fleet.identity(id),
  keyring: fleet.keyring,
  timeoutMilliseconds: TIMEOUT_MILLISECONDS,
});

const memoryEnds: OpenEnds = async (fleet, log) => {
  const network = createMemoryNetwork();
  const sending = network.transport({ ...needsOf(fleet, 'pi-1'), log });
  const receiving = network.transport({ ...needsOf(fleet, 'pi-2'), log });
  return {
    sending,
    receiving,
    url: 'mqtt://127.0.0.1:1',
    inject: (frame) => network.channelOf('pi-2').publishRaw(FRAMES, frame, NO_RETAIN),
    cut() {
      network.cut('pi-2');
      setTimeout(() => network.mend('pi-2'), 20);
    },
    unplug: async () => network.cut('pi-2'),
    close: async () => {
      await Promise.all([sending.close(), receiving.close()]);
    },
  };
};

const mqttEnds: OpenEnds = async (fleet, log) => {
  const [own, other] = await Promise.all([startTestBroker(fleet, 'pi-1'), startTestBroker(fleet, 'pi-2')]);
  const sending = createMqttTransport({ ...needsOf(fleet, 'pi-1'), broker: own, log });
  const receiving = createMqttTransport({ ...needsOf(fleet, 'pi-2'), broker: other, log });
  const stop = new AbortController();
  const attacker = await openConnection({
    url: other.url,
    clientId: 'pi-1:attacker',
    username: 'pi-1',
    password: createToken(fleet.identity('pi-1'), 'lab', 'pi-2', 'pi-1:attacker', Date.now()),
    timeoutMilliseconds: TIMEOUT_MILLISECONDS,
    signal: stop.signal,
    onMessage: () => {},
  });
  return {
    sending,
    receiving,
    url: other.url,
    // From inside where the broker itself would already turn the frame away (a revoked board).
    inject: (frame) =>
      fleet.keyring.problemOf('pi-1') === null
        ? attacker.publish(FRAMES, frame, NO_RETAIN)
        : other.publishRaw(FRAMES, frame, NO_RETAIN),
    cut: () => other.disconnect('pi-1'),
    unplug: () => other.close(),
    close: async () => {
      await Promise.all([sending.close(), receiving.close(), attacker.end()]);
      await Promise.all([own.close(), other.close()]);
    },
  };
};

transportContract(test, 'memory', memoryEnds);
transportContract(test, 'mqtt', mqttEnds);
