import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A wire between TCP clients and a server, on which things can be done to the bytes. */
export interface TcpProxy {
  readonly port: number;
  /** Breaks all connections. */
  cut(): void;
  /** No bytes pass until `resume`. */
  stall(): void;
  resume(): void;
  /** Breaks them as soon as clients have sent so many bytes from here. */
  cutAfter(bytes: number): void;
  /** Changes one byte of what the client sends next, at so many bytes from here; then one after every so many. */
  spoil(afterBytes: number, everyBytes?: number): void;
  close(): Promise<void>;
}

/** Passes connections on to a port of this machine. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isStalled = false;
  let spoilAfter: number | undefined;
  let spoilEvery: number | undefined;
  let cutAfter: number | undefined;

  const pipe = (from: Socket, to: Socket, change: (chunk: Buffer) => Buffer): void => {
    sockets.add(from);
    from.on('data', (chunk) => {
      if (!to.write(change(chunk))) from.pause();
    });
    to.on('drain', () => isStalled || from.resume());
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    if (isStalled) from.pause();
  };

  const spoiled = (chunk: Buffer): Buffer => {
    if (spoilAfter === undefined) return chunk;
    if (spoilAfter >= chunk.length) {
      spoilAfter -= chunk.length;
      return chunk;
    }
    const changed = Buffer.from(chunk);
    let at: number | undefined = spoilAfter;
    while (at !== undefined && at < chunk.length) {
      changed[at]! ^= 0xff;
      at = spoilEvery === undefined ? undefined : at + spoilEvery;
    }
    spoilAfter = at === undefined ? undefined : at - chunk.length;
    return changed;
  };

  const fromClient = (chunk: Buffer): Buffer => {
    if (cutAfter !== undefined) {
      cutAfter -= chunk.length;
      if (cutAfter <= 0) {
        cutAfter = undefined;
        cut();
      }
    }
    return spoiled(chunk);
  };

  const server = createServer({ noDelay: true }, (client) => {
    const onward = connect({ host: '127.0.0.1', port: target, noDelay: true });
    pipe(client, onward, fromClient);
    pipe(onward, client, (chunk) => chunk);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    cut,
    stall() {
      isStalled = true;
      for (const socket of sockets) socket.pause();
    },
    resume() {
      isStalled = false;
      for (const socket of sockets) socket.resume();
    },
    cutAfter(bytes) {
      cutAfter = bytes;
    },
    spoil(afterBytes, everyBytes) {
      spoilAfter = afterBytes;
      spoilEvery = everyBytes;
    },
    async close() {
      cut();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}
