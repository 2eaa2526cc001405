/** The one door to mqtt.js: nothing else in the project imports it. One connection, without its coming back. */
import { connect } from 'node:net';
import { type ErrorWithReasonCode, MqttClient } from 'mqtt';
import { ClosedError, InvalidUrlError } from '../errors.ts';
import { FewSet } from '../few.ts';
import type { RawMessage } from '../messages/channel.ts';
import { publishHead } from '../mqtt/publish.ts';
import { waitFor } from '../wait.ts';

export interface ConnectionOptions {
  readonly url: string;
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  readonly will?: { readonly topic: string; readonly payload: Buffer; readonly qos: 0 | 1; readonly retain: boolean };
  readonly timeoutMilliseconds: number;
  readonly signal: AbortSignal;
  readonly onMessage: (message: RawMessage) => void;
}

export interface Connection {
  /**
   * Resolves when the socket took the bytes (QoS 0) or the broker acknowledged them (QoS 1). Parts that follow each
   * other go to the socket as they are, where QoS and retain allow it.
   */
  publish(
    topic: string,
    payload: Buffer | readonly Uint8Array[],
    options: { readonly qos: 0 | 1; readonly retain: boolean },
  ): Promise<void>;
  /** Parts of a QoS 0 payload; `done` is called later, once: the socket took them, or the connection is gone. */
  send(topic: string, parts: readonly Uint8Array[], done: () => void): void;
  /** @throws where the broker does not grant it. */
  subscribe(filter: string, qos: 0 | 1): Promise<void>;
  /** Resolves when the broker said so. */
  unsubscribe(filter: string): Promise<void>;
  /** Resolves when the connection is gone, with a word on why. */
  readonly closed: Promise<string>;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Says DISCONNECT after what is under way, and waits a moment for it; then cuts. */
  end(): Promise<void>;
}

/** The broker said no in its CONNACK: trying again will not help. */
export class RefusedByBroker extends Error {
  readonly returnCode: number;

  constructor(returnCode: number) {
    super(`CONNACK ${returnCode}`);
    this.returnCode = returnCode;
  }
}

const KEEPALIVE_SECONDS = 15;
const END_MILLISECONDS = 2000;

/** @throws InvalidUrlError where `url` is not `mqtt://host:port`. */
export function parseBrokerUrl(url: string): { readonly host: string; readonly port: number } {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== 'mqtt:' || parsed.hostname === '') throw new InvalidUrlError(url);
  return { host: parsed.hostname.replace(/^\[|\]$/g, ''), port: parsed.port === '' ? 1883 : Number(parsed.port) };
}

/** Connects once. @throws RefusedByBroker, DeadlineError, the signal's reason, or the socket's error. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { host, port } = parseBrokerUrl(options.url);
  // Without noDelay a small credit waits for the acknowledgement of the packet before it.
  const client = new MqttClient(() => connect({ host, port, noDelay: true }) as never, {
    clientId: options.clientId,
    username: options.username,
    password: options.password,
    ...(options.will === undefined ? {} : { will: options.will }),
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: KEEPALIVE_SECONDS,
    reschedulePings: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    connectTimeout: options.timeoutMilliseconds,
    // Its cache of all 65,536 two-byte numbers would cost a small board 10 MB.
    writeCache: false,
  });
  let lastError = 'the other side closed it';
  const closed = new Promise<string>((resolve) => client.once('close', () => resolve(lastError)));
  client.on('error', (error) => {
    lastError = error.message;
  });
  client.on('message', (topic, payload, packet) => options.onMessage({ topic, payload, retained: packet.retain }));
  const opened = new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', (error: Error | ErrorWithReasonCode) => {
      const code = (error as Partial<ErrorWithReasonCode>).code;
      reject(typeof code === 'number' ? new RefusedByBroker(code) : error);
    });
    client.once('close', () => reject(new Error(lastError)));
  });
  try {
    await waitFor(opened, {
      what: `connecting to ${options.url}`,
      milliseconds: options.timeoutMilliseconds,
      signal: options.signal,
    });
  } catch (error) {
    client.end(true);
    throw error;
  }
  return connectionOf(client, closed);
}

/**
 * A PUBLISH of QoS 0 without the library, which would take the payload as one buffer only. Written within one turn, it
 * cannot get between the bytes of another packet.
 */
function writeParts(
  client: MqttClient,
  topic: string,
  parts: readonly Uint8Array[],
  done: (error?: Error | null) => void,
): void {
  const { stream } = client;
  stream.cork();
  stream.write(
    publishHead(
      topic,
      parts.reduce((sum, part) => sum + part.byteLength, 0),
    ),
  );
  for (const [index, part] of parts.entries()) {
    if (index < parts.length - 1) stream.write(part);
    else stream.write(part, done);
  }
  stream.uncork();
}

function connectionOf(client: MqttClient, closed: Promise<string>): Connection {
  const socket = client.stream as unknown as { readonly bytesWritten: number; readonly bytesRead: number };
  const pending = new FewSet<(reason: string) => void>();
  let gone: string | undefined;
  closed.then((reason) => {
    gone = reason;
    for (const give of pending.values()) give(reason);
    pending.clear();
  });

  // mqtt.js forgets the callbacks of a connection that closes while its socket is full.
  const untilDone = (start: (done: (error?: Error | null) => void) => void): Promise<void> => {
    return new Promise((resolve, reject) => {
      const giveUp = (reason: string): void => reject(new ClosedError('the connection', reason));
      if (gone !== undefined) return giveUp(gone);
      pending.add(giveUp);
      start((error) => {
        pending.delete(giveUp);
        error ? reject(error) : resolve();
      });
    });
  };

  return {
    closed,
    get bytesSent() {
      return socket.bytesWritten;
    },
    get bytesReceived() {
      return socket.bytesRead;
    },
    publish: (topic, payload, { qos, retain }) =>
      untilDone((done) => {
        if (Buffer.isBuffer(payload)) client.publish(topic, payload, { qos, retain }, (error) => done(error));
        else if (qos === 0 && !retain) writeParts(client, topic, payload, done);
        else client.publish(topic, Buffer.concat(payload as Uint8Array[]), { qos, retain }, (error) => done(error));
      }),
    send(topic, parts, done) {
      if (gone !== undefined) return queueMicrotask(done);
      const once = (): void => {
        if (pending.delete(once)) done();
      };
      pending.add(once);
      writeParts(client, topic, parts, once);
    },
    subscribe: (filter, qos) => untilDone((done) => client.subscribe(filter, { qos }, (error) => done(error))),
    unsubscribe: (filter) => untilDone((done) => client.unsubscribe(filter, (error) => done(error))),
    async end() {
      if (gone !== undefined) return;
      client.end();
      try {
        await waitFor(closed, { what: 'closing the connection', milliseconds: END_MILLISECONDS });
      } catch {
        // The other side does not answer; there is nothing left to say to it.
        client.end(true);
        client.stream.destroy();
      }
    },
  };
}
