import type { Messenger } from '../../broker/index.ts';
import { type Seen, type WatchedTopic, watchedTopics } from './types.ts';

/**
 * Gives everything that is said on the watched topics, first what the broker has kept. Resolves when all subscriptions
 * stand; they end with the connection.
 */
export async function watchFleet(
  messenger: Messenger,
  onSeen: (seen: Seen) => void,
  signal?: AbortSignal,
  clock: () => number = Date.now,
): Promise<void> {
  for (const topic of watchedTopics) await watchTopic(messenger, topic, onSeen, signal, clock);
}

async function watchTopic(
  messenger: Messenger,
  topic: WatchedTopic,
  onSeen: (seen: Seen) => void,
  signal: AbortSignal | undefined,
  clock: () => number,
): Promise<void> {
  const any = { id: '+', run: '+' };
  await messenger.subscribe(
    topic,
    any,
    ({ topic: { params }, at, message }) => {
      const saidAt = Date.parse(at ?? '');
      onSeen({
        topic,
        id: params.id ?? params.run ?? '',
        heardAt: clock(),
        saidAt: Number.isNaN(saidAt) ? undefined : saidAt,
        message,
      } as Seen);
    },
    signal,
  );
}
