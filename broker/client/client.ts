import { silent } from '../log.ts';
import { createMessenger } from '../messages/messenger.ts';
import { parseBrokerUrl } from './connection.ts';
import { Session } from './session.ts';
import type { Client, ClientOptions } from './types.ts';

/**
 * Connects to a broker of the fleet. The first connection has to come within the timeout; later losses are mended
 * with growing, jittered pauses: a new token, a new incarnation, the will signed anew, all subscriptions, and the
 * retained messages that were published through this client (the broker may have lost them, or put the will there).
 * @throws ConnectionRefusedError, DeadlineError, InvalidUrlError, or the signal's reason.
 */
export async function connectClient(options: ClientOptions): Promise<Client> {
  parseBrokerUrl(options.url);
  const session = new Session(options);
  await session.start();
  const { channel } = session;
  const messenger = createMessenger({
    channel,
    identity: options.identity,
    keyring: options.keyring,
    log: options.log ?? silent,
  });
  return {
    ...channel,
    ...messenger,
    url: options.url,
    get connected() {
      return session.connection !== undefined;
    },
    onConnectionChange: (listener) => channel.onConnectionChange!(listener),
    ended: session.ended,
    get stats() {
      return session.stats();
    },
    close: () => session.close(),
  };
}
