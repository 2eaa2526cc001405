import type { Signer } from '../keyring/identity.ts';
import type { Verifier } from '../keyring/keyring.ts';
import type { Log } from '../log.ts';
import {
  formatFilter,
  formatTopic,
  type MessageTopic,
  type TopicMessage,
  type TopicName,
  type TopicParams,
  topicRow,
} from '../topics.ts';
import type { RawChannel, RawMessage } from './channel.ts';
import { type MessageRefusal, openMessage, type Position, type ReceivedMessage, sealMessage } from './envelope.ts';
import { createReplayGuard } from './replay.ts';

/** Typed, signed messages over a raw channel. */
export interface Messenger {
  /** Signs `message` and publishes it with the topic's QoS and retain flag. */
  publish<N extends MessageTopic>(
    name: N,
    params: TopicParams<N>,
    message: TopicMessage<N>,
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * Calls `handler` for every message that verifies; the others are dropped, counted and logged. `'+'` in `params`
   * stands for any id. The returned function ends the subscription.
   */
  subscribe<N extends MessageTopic>(
    name: N,
    params: TopicParams<N>,
    handler: (received: ReceivedMessage<N>) => void,
    signal?: AbortSignal,
  ): Promise<() => void>;
  /** How many messages were dropped, by reason. */
  readonly refused: Readonly<Partial<Record<MessageRefusal, number>>>;
}

export interface MessengerNeeds {
  readonly channel: RawChannel;
  readonly identity: Signer;
  readonly keyring: Verifier;
  readonly log: Log;
  /** Wall clock for the `at` field. */
  readonly clock?: () => Date;
}

export function createMessenger(needs: MessengerNeeds): Messenger {
  const { channel, identity, keyring, log, clock = () => new Date() } = needs;
  const { fleet } = keyring;
  const refused: Partial<Record<MessageRefusal, number>> = {};

  const drop = (reason: MessageRefusal, topic: string, detail: string): void => {
    refused[reason] = (refused[reason] ?? 0) + 1;
    log({ level: 'warn', event: 'message-refused', detail: { reason, topic, detail } });
  };

  return {
    refused,
    async publish(name, params, message, signal) {
      const topic = formatTopic(fleet, name, params);
      const row = topicRow(name as TopicName);
      const payload = (next: () => Position): Buffer =>
        sealMessage(identity, fleet, topic, message, next(), clock().toISOString());
      await channel.publishRaw(topic, payload, { qos: row.qos, retain: row.retained }, signal);
    },
    async subscribe(name, params, handler, signal) {
      // Every subscription keeps its own memory of what it saw: two of one topic must not starve each other.
      const replay = createReplayGuard();
      const accept = ({ topic, payload, retained }: RawMessage): void => {
        // An empty retained payload only clears what the broker kept. [MQTT-3.3.1-10]
        if (payload.length === 0) return;
        const opened = openMessage(keyring, topic, payload);
        if (!opened.ok) {
          drop(opened.reason, topic, opened.detail);
          return;
        }
        const { received } = opened;
        const freshness = replay.admit(received.from, topic, received);
        // After a reconnect the broker hands out what it has kept once more; that is no attack.
        if (freshness === 'same' && retained) return;
        if (freshness === 'fresh') handler(received as ReceivedMessage<typeof name>);
        else drop('replayed', topic, `${received.incarnation}/${received.sequence}`);
      };
      return channel.subscribeRaw(formatFilter(fleet, name, params), topicRow(name as TopicName).qos, accept, signal);
    },
  };
}
