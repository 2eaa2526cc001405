import { Socket, type SocketConstructorOpts } from 'node:net';
import type { GuardProblem, PacketGuard } from './guard.ts';
import type { Tap } from './tap.ts';

export interface SocketReaderNeeds {
  readonly guard: PacketGuard;
  readonly onProblem: (problem: GuardProblem) => void;
  readonly tap: (pass: (bytes: Buffer) => boolean) => Tap;
}

/** Node's handle of a connection: a socket made of it takes the connection over. */
interface Accepted {
  _handle: unknown;
  _server: unknown;
}

/**
 * Puts a guard and a tap in front of a socket's reader, which reads into the tap's own memory: `onread` (node:net), which
 * a server's sockets cannot be given, so a second socket takes the connection over. What the tap passes on is pushed as
 * read bytes are. A stream that breaks a limit is destroyed.
 * @param accepted of a server with `pauseOnConnect`; not to be used any more.
 */
export function readSocket(accepted: Socket, { guard, onProblem, tap: tapOf }: SocketReaderNeeds): Socket {
  const tap = tapOf((bytes) => socket.push(bytes));
  const handle = takeOver(accepted);
  const socket: Socket = new Socket({
    ...handle.options,
    onread: {
      buffer: () => tap.place(),
      callback: (bytes, buffer) => {
        const problem = guard.check(buffer.subarray(0, bytes));
        if (problem === null) return tap.read(bytes);
        onProblem(problem);
        socket.destroy();
        return false;
      },
    },
  } as SocketConstructorOpts);
  handle.giveTo(socket);
  socket.once('close', () => tap.close());
  return socket;
}

/** The server counts its connections by the sockets that belong to it. */
function takeOver(accepted: Socket) {
  const from = accepted as unknown as Accepted;
  const { _handle: handle, _server: server } = from;
  from._handle = null;
  from._server = null;
  return {
    options: { handle, readable: true, writable: true },
    giveTo: (socket: Socket): void => {
      (socket as unknown as Accepted)._server = server;
    },
  };
}
