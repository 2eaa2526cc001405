import { openConnection } from '../../../broker/client/connection.ts';
import { createMemoryNetwork, createMqttTransport, createRelayTransport, createToken } from '../../../broker/index.ts';
import { startTestBroker, type TestFleet } from '../helpers.ts';
import type { OpenEnds } from './contract.ts';
import { startMosquitto } from './mosquitto.ts';

const TIMEOUT_MILLISECONDS = 20_000;
const FRAMES = 'flotilla/lab/links/pi-1/pi-2/frames';
const NO_RETAIN = { qos: 0, retain: false } as const;

const needsOf = (fleet: TestFleet, id: string, timeoutMilliseconds = TIMEOUT_MILLISECONDS) => ({
  identity: fleet.identity(id),
  keyring: fleet.keyring,
  timeoutMilliseconds,
});

/** `tags`: whether the receiving end takes tags. */
export const memoryEnds =
  (tags: boolean): OpenEnds =>
  async (fleet, log, timeout) => {
    const network = createMemoryNetwork();
    const sending = network.transport({ ...needsOf(fleet, 'pi-1', timeout), log });
    const receiving = network.transport({ ...needsOf(fleet, 'pi-2', timeout), log, tags });
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

/** Somebody who is pi-1 for a broker, beside pi-1. */
const attackerOf = (fleet: TestFleet, url: string, brokerId: string) =>
  openConnection({
    url,
    clientId: 'pi-1:attacker',
    username: 'pi-1',
    password: createToken(fleet.identity('pi-1'), 'lab', brokerId, 'pi-1:attacker', Date.now()),
    timeoutMilliseconds: TIMEOUT_MILLISECONDS,
    signal: new AbortController().signal,
    onMessage: () => {},
  });

export const mqttEnds: OpenEnds = async (fleet, log, timeout) => {
  const [own, other] = await Promise.all([startTestBroker(fleet, 'pi-1'), startTestBroker(fleet, 'pi-2')]);
  const sending = createMqttTransport({ ...needsOf(fleet, 'pi-1', timeout), broker: own, log });
  const receiving = createMqttTransport({ ...needsOf(fleet, 'pi-2', timeout), broker: other, log });
  const attacker = await attackerOf(fleet, other.url, 'pi-2');
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

export const hubEnds: OpenEnds = async (fleet, log, timeout) => {
  const hub = await startTestBroker(fleet, 'hub', { limits: { backlogBytes: 64 * 2 ** 20 } });
  const [sending, receiving] = await Promise.all(
    ['pi-1', 'pi-2'].map((id) => createRelayTransport({ ...needsOf(fleet, id, timeout), url: hub.url, log })),
  );
  const attacker = await attackerOf(fleet, hub.url, 'hub');
  let cuts = 0;
  return {
    sending: sending!,
    receiving: receiving!,
    url: hub.url,
    inject: (frame) =>
      fleet.keyring.problemOf('pi-1') === null
        ? attacker.publish(FRAMES, frame, NO_RETAIN)
        : hub.publishRaw(FRAMES, frame, NO_RETAIN),
    // Each side in turn.
    cut() {
      cuts += 1;
      hub.disconnect(cuts % 2 === 0 ? 'pi-1' : 'pi-2');
    },
    unplug: () => hub.close(),
    close: async () => {
      await Promise.all([sending!.close(), receiving!.close(), attacker.end()]);
      await hub.close();
    },
  };
};

export const mosquittoEnds: OpenEnds = async (fleet, log, timeout) => {
  const mosquitto = await startMosquitto();
  const [sending, receiving] = await Promise.all(
    ['pi-1', 'pi-2'].map((id) => createRelayTransport({ ...needsOf(fleet, id, timeout), url: mosquitto.url, log })),
  );
  const attacker = await attackerOf(fleet, mosquitto.url, 'hub');
  return {
    sending: sending!,
    receiving: receiving!,
    url: mosquitto.url,
    inject: (frame) => attacker.publish(FRAMES, frame, NO_RETAIN),
    cut: () => mosquitto.cut(),
    unplug: () => mosquitto.stop(),
    close: async () => {
      await Promise.all([sending!.close(), receiving!.close(), attacker.end()]);
      await mosquitto.stop();
    },
  };
};
