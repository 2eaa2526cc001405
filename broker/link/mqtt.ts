import { connectClient } from '../client/client.ts';
import type { RawChannel } from '../messages/channel.ts';
import { createTransport, type TransportNeeds } from './transport.ts';
import type { Transport } from './types.ts';

export interface MqttTransportNeeds extends TransportNeeds {
  /** The own embedded broker, on which others' frames arrive; or a client of a broker that all share. */
  readonly broker: RawChannel;
}

/**
 * Links over MQTT: a sender connects straight to the receiver's broker, the receiver listens inside its own process.
 * A lost connection ends the sender (`ended`): what was under way is lost, and that takes a new term.
 */
export function createMqttTransport(needs: MqttTransportNeeds): Transport {
  const { identity, keyring, broker, log, timeoutMilliseconds } = needs;
  return createTransport(
    {
      incoming: broker,
      async outgoing({ url, to, signal }) {
        const client = await connectClient({
          url,
          identity,
          keyring,
          purpose: 'link',
          brokerId: to,
          reconnect: false,
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
