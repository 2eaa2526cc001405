import { connectClient } from '../client/client.ts';
import type { RawChannel } from '../messages/channel.ts';
import { createTransport, type TransportNeeds } from './transport.ts';
import type { Transport } from './types.ts';

export interface MqttTransportNeeds extends TransportNeeds {
  /** The own embedded broker, on which others' frames arrive; or a client of a broker that all share. */
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
