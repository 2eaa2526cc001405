import { ClosedError } from '../errors.ts';
import { type RawChannel, type RawMessage, wholePayload } from '../messages/channel.ts';
import { matchesFilter } from '../topics.ts';
import { createTransport, type TransportNeeds } from './transport.ts';
import type { Transport } from './types.ts';

/** Boards within one process: the same frames, signatures and credits, without sockets. For tests and simulations. */
export interface MemoryNetwork {
  /** The transport of one board of the network. */
  transport(needs: TransportNeeds): Transport;
  /** What a board listens on; tests put frames in here that no sender would send. */
  channelOf(board: string): RawChannel;
  /** Breaks all connections to a board, as a pulled cable would. */
  cut(board: string, reason: string): void;
}

export function createMemoryNetwork(): MemoryNetwork {
  const channels = new Map<string, RawChannel>();
  const connections = new Set<{ readonly to: string; readonly end: (reason: Error | undefined) => void }>();
  const channelOf = (board: string): RawChannel => {
    const channel = channels.get(board) ?? createMemoryChannel();
    channels.set(board, channel);
    return channel;
  };
  return {
    channelOf,
    cut(board, reason) {
      for (const { to, end } of connections) {
        if (to === board) end(new ClosedError('the memory channel', reason));
      }
    },
    transport: (needs) =>
      createTransport(
        {
          incoming: channelOf(needs.identity.id),
          async outgoing({ to, signal }) {
            signal?.throwIfAborted();
            const { promise: ended, resolve: end } = Promise.withResolvers<Error | undefined>();
            const connection = { to, end };
            connections.add(connection);
            const onAbort = (): void => end(undefined);
            signal?.addEventListener('abort', onAbort, { once: true });
            ended.then(() => {
              connections.delete(connection);
              signal?.removeEventListener('abort', onAbort);
            });
            return { channel: channelOf(to), ended, close: async () => end(undefined) };
          },
        },
        needs,
      ),
  };
}

/** Topics, subscriptions and retained messages of one board. Messages arrive in order, each in a later turn. */
export function createMemoryChannel(): RawChannel {
  const subscriptions = new Set<{ filter: string; handler: (message: RawMessage) => void }>();
  const retained = new Map<string, Buffer>();
  const incarnation = Date.now();
  let sequence = 0;

  return {
    publishRaw(topic, payload, { retain }, signal) {
      signal?.throwIfAborted();
      const bytes = wholePayload(payload, () => ({ incarnation, sequence: sequence++ }));
      if (retain && bytes.length === 0) retained.delete(topic);
      else if (retain) retained.set(topic, bytes);
      return new Promise((resolve) => {
        setImmediate(() => {
          for (const { filter, handler } of subscriptions) {
            if (matchesFilter(filter, topic)) handler({ topic, payload: bytes, retained: false });
          }
          resolve();
        });
      });
    },
    async subscribeRaw(filter, _qos, handler, signal) {
      signal?.throwIfAborted();
      const subscription = { filter, handler };
      subscriptions.add(subscription);
      for (const [topic, payload] of retained) {
        if (matchesFilter(filter, topic)) handler({ topic, payload, retained: true });
      }
      return () => void subscriptions.delete(subscription);
    },
  };
}
