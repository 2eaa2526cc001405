import { connectClient } from '../client/client.ts';
import type { RawChannel } from '../messages/channel.ts';
import { createTransport, type TransportNeeds } from './transport.ts';
import type { Transport } from './types.ts';

export interface MqttTransportNeeds extends TransportNeeds {
  /** The own embedded broker, on which others' frames arrive. */
  readonly broker: RawChannel;
  /** Where a board is now, asked at each attempt to connect: an address may change. That of `openSender` when undefined. */
  readonly addressOf?: (board: string) => string | undefined;
}

/**
 * Links over MQTT: a sender connects straight to the receiver's broker, the receiver listens inside its own process.
 * A connection that is lost is made again.
 */
export function createMqttTransport(needs: MqttTransportNeeds): Transport {
  const { identity, keyring, broker, log, timeoutMilliseconds, addressOf = () => undefined } = needs;
  return createTransport(
    {
      incoming: broker,
      async outgoing({ url, to, signal }) {
        const client = await connectClient({
          url,
          currentUrl: () => addressOf(to) ?? url,
          identity,
          keyring,
          purpose: 'link',
          brokerId: to,
          ...(log === undefined ? {} : { log }),
          ...(timeoutMilliseconds === undefined ? {} : { timeoutMilliseconds }),
          ...(signal === undefined ? {} : { signal }),
        });
        return { channel: client, ended: client.ended, close: () => client.close() };
      },
    },
    needs,
  );
}

export interface RelayTransportNeeds extends TransportNeeds {
  /** `mqtt://host:port` of the hub's broker or of any MQTT 3.1.1 broker: the same for all boards of a fleet. */
  readonly url: string;
  readonly signal?: AbortSignal;
}

/**
 * Links through a broker that all boards share, for boards that cannot reach each other. It need not know the fleet:
 * frames and messages are signed as ever.
 * @throws ConnectionRefusedError, DeadlineError, InvalidUrlError, or the signal's reason
 */
export async function createRelayTransport(needs: RelayTransportNeeds): Promise<Transport> {
  const { url, identity, keyring, signal, log } = needs;
  const about = { url, identity, keyring, ...(log === undefined ? {} : { log }) };
  const incoming = await connectClient({ ...about, purpose: 'data', ...(signal === undefined ? {} : { signal }) });
  let opened = 0;
  const links = createTransport(
    {
      incoming,
      async outgoing({ signal: ending }) {
        // One connection a link, so that a full link does not hold up another; brokers tell them apart by their id.
        opened += 1;
        const purpose = `link-${opened}`;
        const client = await connectClient({ ...about, purpose, ...(ending === undefined ? {} : { signal: ending }) });
        return { channel: client, ended: client.ended, close: () => client.close() };
      },
    },
    needs,
  );
  return {
    ...links,
    async close() {
      await links.close();
      await incoming.close();
    },
  };
}
