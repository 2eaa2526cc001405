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
  cut(board: string): void;
  /** Puts the cable back. */
  mend(board: string): void;
}

export function createMemoryNetwork(): MemoryNetwork {
  const channels = new Map<string, RawChannel>();
  const connections = new Set<MemoryConnection>();
  const channelOf = (board: string): RawChannel => {
    const channel = channels.get(board) ?? createMemoryChannel();
    channels.set(board, channel);
    return channel;
  };
  const setConnected = (board: string, connected: boolean): void => {
    for (const { to, set } of connections) if (to === board) set(connected);
  };
  return {
    channelOf,
    cut: (board) => setConnected(board, false),
    mend: (board) => setConnected(board, true),
    transport: (needs) =>
      createTransport(
        {
          incoming: channelOf(needs.identity.id),
          async outgoing({ to, signal }) {
            signal?.throwIfAborted();
            const { promise: ended, resolve: end } = Promise.withResolvers<Error | undefined>();
            const connection = createMemoryConnection(to, channelOf(to));
            connections.add(connection);
            const onAbort = (): void => end(undefined);
            signal?.addEventListener('abort', onAbort, { once: true });
            ended.then(() => {
              connections.delete(connection);
              signal?.removeEventListener('abort', onAbort);
            });
            return { channel: connection.channel, ended, close: async () => end(undefined) };
          },
        },
        needs,
      ),
  };
}

interface MemoryConnection {
  readonly to: string;
  readonly channel: RawChannel;
  readonly set: (connected: boolean) => void;
}

/** A board's channel as another board sees it: what passes while it is cut is gone. */
function createMemoryConnection(to: string, channel: RawChannel): MemoryConnection {
  const listeners: ((connected: boolean) => void)[] = [];
  let isConnected = true;
  return {
    to,
    set(connected) {
      if (connected === isConnected) return;
      isConnected = connected;
      for (const listener of listeners) listener(connected);
    },
    channel: {
      async publishRaw(topic, payload, options, signal) {
        if (!isConnected) throw new ClosedError('the memory channel', 'it is cut');
        await channel.publishRaw(topic, payload, options, signal);
      },
      subscribeRaw: (filter, qos, handler, signal) =>
        channel.subscribeRaw(filter, qos, (message) => isConnected && handler(message), signal),
      onConnectionChange: (listener) => void listeners.push(listener),
    },
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
