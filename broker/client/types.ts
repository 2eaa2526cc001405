import type { Identity } from '../keyring/identity.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Log } from '../log.ts';
import type { RawChannel } from '../messages/channel.ts';
import type { Messenger } from '../messages/messenger.ts';
import type { MessageTopic, TopicMessage, TopicParams } from '../topics.ts';

/** A message the broker publishes for us when our connection breaks; signed anew at each connect. */
export interface LastWill<N extends MessageTopic = MessageTopic> {
  readonly name: N;
  readonly params: TopicParams<N>;
  readonly message: TopicMessage<N>;
}

export interface ClientOptions {
  /** `mqtt://host:port`. */
  readonly url: string;
  /** Asked at each attempt to connect, where the address may change. */
  readonly currentUrl?: () => string;
  readonly identity: Identity;
  readonly keyring: Keyring;
  /** Tells two connections of one board apart at the same broker; the MQTT client id is `<board>:<purpose>`. */
  readonly purpose?: string;
  /** Whose broker it is; the token is good for no other. The hub's by default. */
  readonly brokerId?: string;
  readonly will?: LastWill<'deviceState'>;
  /** How long the first connection, and later each publish or subscribe, may take. 10 s. */
  readonly timeoutMilliseconds?: number;
  /** False: one connection, and its loss ends the client. True by default. */
  readonly reconnect?: boolean;
  readonly log?: Log;
  /** Closes the client when aborted. */
  readonly signal?: AbortSignal;
}

/** A connection to a broker that comes back by itself. */
export interface Client extends RawChannel, Messenger {
  readonly url: string;
  readonly connected: boolean;
  /** Called at each loss and each return of the connection. Subscriptions and retained messages come back by themselves. */
  onConnectionChange(listener: (connected: boolean) => void): void;
  /** Resolves when the client is closed for good: with the error that ended it, or undefined after `close`. */
  readonly ended: Promise<Error | undefined>;
  readonly stats: { readonly bytesSent: number; readonly bytesReceived: number };
  /** Says DISCONNECT, so that the last will is not published. */
  close(): Promise<void>;
}
