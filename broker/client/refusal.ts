import { ConnectionRefusedError } from '../errors.ts';
import type { RefusedByBroker } from './connection.ts';
import type { ClientOptions } from './types.ts';

/** MQTT 3.1.1 §3.2.2.3, as people read it. */
const connackProblems: Readonly<Record<number, string>> = {
  1: 'it does not speak MQTT 3.1.1',
  2: 'it does not take this client id',
  3: 'it is not available',
  4: 'the key, the client id or the clock is not the one it expects',
  5: 'it does not know this board, or no longer trusts it',
};

/** What the client's owner gets to know of a refusal. */
export function refusalOf({ returnCode }: RefusedByBroker, { url, identity }: ClientOptions): ConnectionRefusedError {
  return new ConnectionRefusedError(url, identity.id, connackProblems[returnCode] ?? `CONNACK ${returnCode}`);
}
