import { ClosedError } from '../errors.ts';
import { silent } from '../log.ts';
import type { RawChannel, RawMessage, RawPayload } from '../messages/channel.ts';
import { sealMessage, WILL_SEQUENCE } from '../messages/envelope.ts';
import { createToken, formatClientId } from '../server/token.ts';
import { formatTopic, matchesFilter, topicRow } from '../topics.ts';
import { pause, waitFor } from '../wait.ts';
import { type Connection, openConnection, RefusedByBroker } from './connection.ts';
import { refusalOf } from './refusal.ts';
import { retryPause } from './retry.ts';
import type { ClientOptions } from './types.ts';

const DEFAULT_TIMEOUT_MILLISECONDS = 10_000;
/** One attempt to connect: a lost packet of the handshake is sent again after 1 and 3 s, a new attempt comes sooner. */
const ATTEMPT_MILLISECONDS = 4_000;

interface Subscription {
  readonly filter: string;
  readonly qos: 0 | 1;
  readonly handler: (message: RawMessage) => void;
}

interface Retained {
  readonly payload: RawPayload;
  readonly qos: 0 | 1;
}

/** A client's connections, one after another, and what each new one has to be given again. */
export class Session {
  connection: Connection | undefined;
  readonly listeners: ((connected: boolean) => void)[] = [];
  readonly ended: Promise<Error | undefined>;
  readonly channel: RawChannel;

  readonly #options: ClientOptions;
  readonly #timeout: number;
  readonly #ending = new AbortController();
  readonly #subscriptions = new Set<Subscription>();
  /** Filters that the broker is being told to forget: a new subscription to the same waits, or it would be forgotten too. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #retained = new Map<string, Retained>();
  #waiters: (() => void)[] = [];
  #incarnation = 0;
  #sequence = 0;
  #bytesSentBefore = 0;
  #bytesReceivedBefore = 0;
  #lastProblem: string | undefined;
  #end: (error: Error | undefined) => void = () => {};

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#timeout = options.timeoutMilliseconds ?? DEFAULT_TIMEOUT_MILLISECONDS;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.channel = {
      publishRaw: (topic, payload, how, signal) => this.#publish(topic, payload, how, signal),
      sendParts: (topic, parts, done) => {
        if (this.connection === undefined) queueMicrotask(done);
        else this.connection.send(topic, parts, done);
      },
      subscribeRaw: (filter, qos, handler, signal) => this.#subscribe({ filter, qos, handler }, signal),
      onConnectionChange: (listener) => void this.listeners.push(listener),
    };
  }

  /** Keeps trying until the timeout: boards of a fleet start in any order. */
  async start(): Promise<void> {
    const { signal, url } = this.#options;
    const onAbort = (): void => void this.close();
    const firstConnection = new AbortController();
    try {
      await waitFor(this.#connectUntilUp(AbortSignal.any([firstConnection.signal, this.#ending.signal])), {
        what: `connecting to ${url}`,
        milliseconds: this.#timeout,
        signal,
        lastProblem: () => this.#lastProblem,
      });
    } catch (error) {
      firstConnection.abort(error);
      await this.#finish(error as Error);
      throw error;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    this.ended.then(() => signal?.removeEventListener('abort', onAbort));
  }

  stats(): { bytesSent: number; bytesReceived: number } {
    return {
      bytesSent: this.#bytesSentBefore + (this.connection?.bytesSent ?? 0),
      bytesReceived: this.#bytesReceivedBefore + (this.connection?.bytesReceived ?? 0),
    };
  }

  async close(): Promise<void> {
    const { connection } = this;
    await this.#finish(undefined);
    await connection?.end();
  }

  async #finish(error: Error | undefined): Promise<void> {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort(new ClosedError(`the client of ${this.#options.url}`));
    this.#wake();
    this.#end(error);
  }

  async #connectUntilUp(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#connectOnce(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RefusedByBroker) throw refusalOf(error, this.#options);
        this.#lastProblem = (error as Error).message;
        await pause(retryPause(attempt, Math.random()), signal);
      }
    }
  }

  async #connectOnce(signal: AbortSignal): Promise<void> {
    const { url, currentUrl = () => url, identity, keyring, purpose, brokerId = keyring.hub } = this.#options;
    this.#incarnation = Math.max(Date.now(), this.#incarnation + 1);
    this.#sequence = 0;
    const clientId = formatClientId(identity.id, purpose);
    const will = this.#sealedWill();
    const connection = await openConnection({
      url: currentUrl(),
      clientId,
      username: identity.id,
      password: createToken(identity, keyring.fleet, brokerId, clientId, this.#incarnation),
      ...(will === undefined ? {} : { will }),
      timeoutMilliseconds: Math.min(this.#timeout, ATTEMPT_MILLISECONDS),
      signal,
      onMessage: (message) => this.#deliver(message),
    });
    try {
      for (const { filter, qos } of this.#subscriptions) await connection.subscribe(filter, qos);
      for (const [topic, { payload, qos }] of this.#retained) {
        await connection.publish(topic, this.#bytesOf(payload), { qos, retain: true });
      }
      signal.throwIfAborted();
    } catch (error) {
      await connection.end();
      throw error;
    }
    this.#adopt(connection);
  }

  #sealedWill() {
    const { will, identity, keyring } = this.#options;
    if (will === undefined) return undefined;
    const topic = formatTopic(keyring.fleet, will.name, will.params);
    const { qos, retained: retain } = topicRow(will.name);
    const position = { incarnation: this.#incarnation, sequence: WILL_SEQUENCE };
    return { topic, payload: sealMessage(identity, keyring.fleet, topic, will.message, position), qos, retain };
  }

  #adopt(connection: Connection): void {
    this.connection = connection;
    this.#wake();
    this.#announce(true);
    connection.closed.then((reason) => this.#onLoss(connection, reason));
  }

  async #onLoss(connection: Connection, reason: string): Promise<void> {
    this.connection = undefined;
    this.#bytesSentBefore += connection.bytesSent;
    this.#bytesReceivedBefore += connection.bytesReceived;
    if (this.#ending.signal.aborted) return;
    const { url, log = silent, reconnect = true } = this.#options;
    this.#lastProblem = reason;
    log({ level: 'warn', event: 'connection-lost', detail: { url, reason } });
    this.#announce(false);
    if (!reconnect) return this.#finish(new ClosedError(`the connection to ${url}`, reason));
    try {
      await this.#connectUntilUp(this.#ending.signal);
    } catch (error) {
      if (!this.#ending.signal.aborted) await this.#finish(error as Error);
    }
  }

  #announce(connected: boolean): void {
    for (const listener of this.listeners) listener(connected);
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #deliver(message: RawMessage): void {
    for (const { filter, handler } of this.#subscriptions) {
      if (matchesFilter(filter, message.topic)) handler(message);
    }
  }

  #bytesOf(payload: RawPayload): Buffer | readonly Uint8Array[] {
    if (typeof payload !== 'function') return payload;
    return payload(() => ({ incarnation: this.#incarnation, sequence: this.#sequence++ }));
  }

  /** Waits for a connection, so that a short loss is only a delay. */
  async #connected(): Promise<Connection> {
    while (this.connection === undefined) {
      this.#ending.signal.throwIfAborted();
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    this.#ending.signal.throwIfAborted();
    return this.connection;
  }

  async #publish(
    topic: string,
    payload: RawPayload,
    how: { readonly qos: 0 | 1; readonly retain: boolean },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (how.retain) this.#retained.set(topic, { payload, qos: how.qos });
    const publishing = async (): Promise<void> => {
      let bytes: Buffer | readonly Uint8Array[] | undefined;
      for (;;) {
        const connection = this.connection ?? (await this.#connected());
        // Signed once: where the broker had it but its acknowledgement was lost, the copy is refused as a replay.
        bytes ??= this.#bytesOf(payload);
        try {
          return await connection.publish(topic, bytes, how);
        } catch (error) {
          if (how.qos === 0 || !(error instanceof ClosedError)) throw error;
        }
      }
    };
    await this.#within(publishing(), `publishing on ${topic}`, signal);
  }

  async #subscribe(subscription: Subscription, signal: AbortSignal | undefined): Promise<() => void> {
    this.#subscriptions.add(subscription);
    const remove = (): void => {
      this.#subscriptions.delete(subscription);
      const others = [...this.#subscriptions].some(({ filter }) => filter === subscription.filter);
      if (!others) this.#unsubscribe(subscription.filter);
    };
    const subscribing = async (): Promise<void> => {
      const connection = await this.#connected();
      await this.#leaving.get(subscription.filter);
      await connection.subscribe(subscription.filter, subscription.qos);
    };
    try {
      await this.#within(subscribing(), `subscribing to ${subscription.filter}`, signal);
    } catch (error) {
      remove();
      throw error;
    }
    return remove;
  }

  #unsubscribe(filter: string): void {
    const { connection } = this;
    if (connection === undefined) return;
    const left = connection.unsubscribe(filter).catch(() => {});
    this.#leaving.set(filter, left);
    left.then(() => this.#leaving.get(filter) === left && this.#leaving.delete(filter));
  }

  #within(work: Promise<void>, what: string, signal: AbortSignal | undefined): Promise<void> {
    const ending = this.#ending.signal;
    const either = signal === undefined ? ending : AbortSignal.any([ending, signal]);
    return waitFor(work, {
      what,
      milliseconds: this.#timeout,
      signal: either,
      lastProblem: () => this.#lastProblem,
    });
  }
}
