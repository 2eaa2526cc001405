/** The one door to Aedes: nothing else in the project imports it. */
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes, type Client as AedesClient, type AuthenticateError } from 'aedes';
import { ClosedError, ListenError, PortTakenError } from '../errors.ts';
import { FRAME_OVERHEAD_BYTES } from '../frame/layout.ts';
import { isViewerPassword, VIEWER } from '../keyring/viewer.ts';
import { type Log, silent } from '../log.ts';
import { type Diversion, type RawMessage, toldDiversion, wholePayload } from '../messages/channel.ts';
import { createPacketGuard, type PacketGuard } from './guard.ts';
import { defaultLimits } from './limits.ts';
import { createPermissions, type Permissions, type Principal } from './permissions.ts';
import { readSocket } from './socket-reader.ts';
import { createTap } from './tap.ts';
import { boardOfClientId, createTokenCheck, isWatching, type TokenCheck, type TokenRefusal } from './token.ts';
import type { Broker, BrokerLimits, BrokerOptions, BrokerRefusal } from './types.ts';

// MQTT 3.1.1 §3.1.2.2 and §3.2.2.3.
const MQTT_3_1_1 = 4;
const BAD_USERNAME_OR_PASSWORD = 4;
const NOT_AUTHORIZED = 5;

/** A connection, and who is on it once that is proven. */
interface Admitted {
  readonly guard: PacketGuard;
  principal?: Principal;
}

/** What the handlers of one broker share. */
interface Room {
  readonly limits: BrokerLimits;
  readonly log: Log;
  readonly permissions: Permissions;
  readonly tokens: TokenCheck;
  readonly allowLocalObservers: boolean;
  readonly isMember: (id: string) => boolean;
  readonly viewer: Uint8Array | undefined;
  readonly admitted: Map<Socket, Admitted>;
  readonly diversions: Map<string, Diversion>;
  readonly refused: Partial<Record<BrokerRefusal, number>>;
  messagesReceived: number;
  bytesOfClosed: number;
}

/**
 * Starts the broker that a hub or board carries inside: MQTT 3.1.1, boards prove their key at CONNECT, and the
 * table of topics says who may do what.
 * @throws PortTakenError, ListenError
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  options.signal?.throwIfAborted();
  const room = createRoom(options);
  const aedes = await Aedes.createBroker(handlersOf(room));
  const server = createServer({ noDelay: true, keepAlive: true, pauseOnConnect: true }, (socket) =>
    admit(room, aedes, socket),
  );
  server.maxConnections = room.limits.connections;
  try {
    await listen(server, options.host, options.port);
  } catch (error) {
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    throw error;
  }
  const broker = brokerOf(options, room, aedes, server);
  const onAbort = (): void => void broker.close();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  server.once('close', () => options.signal?.removeEventListener('abort', onAbort));
  return broker;
}

function createRoom(options: BrokerOptions): Room {
  const { keyring, identity } = options;
  const limits = { ...defaultLimits, ...options.limits };
  return {
    limits,
    log: options.log ?? silent,
    permissions: createPermissions(keyring, identity.id),
    tokens: createTokenCheck({
      keyring,
      broker: identity.id,
      clockSkewMilliseconds: limits.clockSkewMilliseconds,
      now: Date.now,
    }),
    allowLocalObservers: options.allowLocalObservers ?? false,
    isMember: (id) => keyring.problemOf(id) !== 'unknown-sender',
    viewer: options.viewer,
    admitted: new Map(),
    diversions: new Map(),
    refused: {},
    messagesReceived: 0,
    bytesOfClosed: 0,
  };
}

function refuse(room: Room, reason: BrokerRefusal, detail: Readonly<Record<string, string | number>>): void {
  room.refused[reason] = (room.refused[reason] ?? 0) + 1;
  room.log({ level: 'warn', event: 'broker-refused', detail: { reason, ...detail } });
}

function admit(room: Room, aedes: Aedes, accepted: Socket): void {
  const admitted: Admitted = { guard: createPacketGuard(room.limits) };
  const { guard } = admitted;
  const peer = `${accepted.remoteAddress ?? '?'}:${accepted.remotePort ?? 0}`;
  const socket = readSocket(accepted, {
    guard,
    onProblem: (problem) => refuse(room, problem, { peer }),
    tap: (pass) =>
      createTap({
        headBytesAtMost: FRAME_OVERHEAD_BYTES,
        diversionOf: (topic, bytes) => diversionFor(room, admitted, topic, bytes),
        pass,
      }),
  });
  room.admitted.set(socket, admitted);
  socket.once('close', () => {
    room.admitted.delete(socket);
    room.bytesOfClosed += guard.bytes;
  });
  aedes.handle(socket);
}

/** Where a payload goes past Aedes: only what Aedes would have let in as well. */
function diversionFor(room: Room, { principal }: Admitted, topic: string, bytes: number): Diversion | undefined {
  const diversion = room.diversions.get(topic);
  if (diversion === undefined || principal === undefined) return undefined;
  return room.permissions.publishProblem(principal, { topic, bytes, qos: 0, retain: false }) === null
    ? diversion
    : undefined;
}

function principalOf(room: Room, client: AedesClient): Principal | undefined {
  return room.admitted.get(client.conn as Socket)?.principal;
}

function handlersOf(room: Room) {
  const { limits, permissions } = room;
  return {
    connectTimeout: limits.patienceMilliseconds,
    drainTimeout: limits.patienceMilliseconds,

    // A session that outlives its connection would queue without bound; and MQTT 3.1 has another handshake.
    preConnect(_client, packet, done) {
      const version = packet.protocolVersion ?? MQTT_3_1_1;
      const peer = packet.clientId;
      if (version !== MQTT_3_1_1) refuse(room, 'protocol-version', { peer, version });
      // Aedes answers MQTT 5 with CONNACK 1, as [MQTT-3.1.2-2] asks.
      if (version > MQTT_3_1_1) return done(null, true);
      if (version < MQTT_3_1_1) return done(new Error('MQTT 3.1 is not supported'), false);
      if (packet.clean !== false) return done(null, true);
      refuse(room, 'persistent-session', { peer });
      done(new Error('only clean sessions'), false);
    },

    authenticate(client, username, password, done) {
      const socket = client.conn as Socket;
      const admitted = room.admitted.get(socket);
      // Gone before it was let in.
      if (admitted === undefined) return done(null, false);
      if (username === undefined && room.allowLocalObservers && isLoopback(socket.remoteAddress)) {
        admitted.principal = { kind: 'observer' };
      } else {
        const isViewer = room.viewer !== undefined && username === VIEWER;
        const words = password?.toString();
        const problem = isViewer
          ? viewerProblem(room, room.viewer, client.id, words)
          : room.tokens.problem(client.id, username, words);
        if (problem !== null) {
          refuse(room, problem, { peer: client.id });
          return done(connackError(problem), false);
        }
        admitted.principal = isViewer
          ? { kind: 'viewer' }
          : { kind: 'board', id: username as string, watches: isWatching(client.id) };
      }
      admitted.guard.accept();
      done(null, true);
    },

    authorizePublish(client, packet, done) {
      const { topic, qos, retain, payload } = packet;
      const principal = client === null ? undefined : principalOf(room, client);
      if (client === null || principal === undefined) return done(new Error('no principal'));
      const bytes = Buffer.byteLength(payload);
      const problem = permissions.publishProblem(principal, { topic, bytes, qos, retain });
      if (problem !== null) {
        refuse(room, problem, { peer: client.id, topic, bytes });
        return done(new Error(problem));
      }
      room.messagesReceived += 1;
      done(null);
    },

    authorizeSubscribe(client, subscription, done) {
      const principal = principalOf(room, client);
      if (principal !== undefined && permissions.maySubscribe(principal, subscription.topic)) {
        return done(null, { ...subscription, qos: subscription.qos === 2 ? 1 : subscription.qos });
      }
      refuse(room, 'subscribe-not-permitted', { peer: client.id, topic: subscription.topic });
      // Not an error but SUBACK 0x80. [MQTT-3.9.3]
      done(null, null);
    },

    authorizeForward(client, packet) {
      const principal = principalOf(room, client);
      if (principal === undefined || !permissions.mayReceive(principal, packet.topic)) return null;
      const backlog = client.conn.writableLength;
      if (backlog <= limits.backlogBytes) return packet;
      refuse(room, 'slow-reader', { peer: client.id, backlog });
      client.conn.destroy();
      return null;
    },
  } satisfies ConstructorParameters<typeof Aedes>[0];
}

/** A client id takes the connection of whoever has had it: a viewer's must be none of a member's. [MQTT-3.1.4-2] */
function viewerProblem(
  { isMember }: Room,
  viewer: Uint8Array,
  clientId: string,
  password: string | undefined,
): TokenRefusal | null {
  const member = boardOfClientId(clientId);
  if (member !== null && isMember(member)) return 'bad-client-id';
  if (password === undefined) return 'no-token';
  return isViewerPassword(viewer, password) ? null : 'bad-token';
}

function connackError(problem: TokenRefusal): AuthenticateError {
  const stranger = problem === 'unknown-sender' || problem === 'revoked-sender';
  return Object.assign(new Error(problem), { returnCode: stranger ? NOT_AUTHORIZED : BAD_USERNAME_OR_PASSWORD });
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (/^(::ffff:)?127\./.test(address) || address === '::1');
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new PortTakenError(host, port, { cause: error }) : new ListenError(host, port, error));
    });
    server.listen({ host, port, exclusive: true }, resolve);
  });
}

/** Aedes keeps retained messages behind an interface that its types leave open. */
interface RetainedStore {
  createRetainedStream(filter: string): AsyncIterable<{ topic: string; payload: Buffer }>;
}

function brokerOf(options: BrokerOptions, room: Room, aedes: Aedes, server: Server): Broker {
  const { host } = options;
  const { port } = server.address() as { port: number };
  const clients = new Map<string, AedesClient>();
  aedes.on('client', (client) => void clients.set(client.id, client));
  aedes.on('clientDisconnect', (client) => {
    if (clients.get(client.id) === client) clients.delete(client.id);
  });
  for (const event of ['clientError', 'connectionError'] as const) {
    aedes.on(event, (client, error) => {
      room.log({
        level: 'info',
        event: 'broker-connection-error',
        detail: { peer: client.id ?? '', error: error.message },
      });
    });
  }
  const incarnation = Date.now();
  let sequence = 0;
  let closing: Promise<void> | undefined;

  return {
    host,
    port,
    url: `mqtt://${host.includes(':') ? `[${host}]` : host}:${port}`,
    get clients() {
      return [...clients.keys()];
    },
    get stats() {
      let bytesReceived = room.bytesOfClosed;
      for (const { guard } of room.admitted.values()) bytesReceived += guard.bytes;
      return {
        connections: room.admitted.size,
        messagesReceived: room.messagesReceived,
        bytesReceived,
        refused: { ...room.refused },
      };
    },
    publishRaw(topic, payload, { qos, retain }) {
      if (closing !== undefined) return Promise.reject(new ClosedError('the broker'));
      const bytes = wholePayload(payload, () => ({ incarnation, sequence: sequence++ }));
      return new Promise((resolve, reject) => {
        aedes.publish({ cmd: 'publish', topic, payload: bytes, qos, retain, dup: false }, (error) => {
          error ? reject(error) : resolve();
        });
      });
    },
    async subscribeRaw(filter, _qos, handler) {
      if (closing !== undefined) throw new ClosedError('the broker');
      const deliver = (packet: { topic: string; payload: Buffer | string }, done: () => void): void => {
        handler(rawMessage(packet, false));
        done();
      };
      await new Promise<void>((resolve) => aedes.subscribe(filter, deliver, resolve));
      // Aedes hands retained messages to connections only, so those inside the process ask for theirs.
      const { persistence } = aedes as unknown as { persistence: RetainedStore };
      for await (const packet of persistence.createRetainedStream(filter)) handler(rawMessage(packet, true));
      return () => aedes.unsubscribe(filter, deliver, () => {});
    },
    divert(topic, diversion) {
      const counted = toldDiversion(diversion, () => {
        room.messagesReceived += 1;
      });
      room.diversions.set(topic, counted);
      return () => {
        if (room.diversions.get(topic) === counted) room.diversions.delete(topic);
      };
    },
    disconnect(boardId) {
      for (const client of clients.values()) {
        const principal = principalOf(room, client);
        if (principal?.kind === 'board' && principal.id === boardId) client.close();
      }
    },
    close() {
      closing ??= closeAll(room, aedes, server);
      return closing;
    },
  };
}

function rawMessage(packet: { topic: string; payload: Buffer | string }, retained: boolean): RawMessage {
  const payload = Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.from(packet.payload);
  return { topic: packet.topic, payload, retained };
}

async function closeAll(room: Room, aedes: Aedes, server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await new Promise<void>((resolve) => aedes.close(() => resolve()));
  for (const socket of room.admitted.keys()) socket.destroy();
  await closed;
}
