import type { Socket } from 'node:net';
import type { GuardProblem, PacketGuard } from './guard.ts';
import type { Tap } from './tap.ts';

export interface SocketReaderNeeds {
  readonly guard: PacketGuard;
  readonly onProblem: (problem: GuardProblem) => void;
  readonly tap: (pass: (bytes: Buffer) => boolean) => Tap;
}

/**
 * Puts a guard and a tap in front of a socket's reader. `push` is the one way that received bytes enter a stream, so
 * nothing is copied and nothing is buffered for their sake. A stream that breaks a limit is destroyed.
 */
export function readSocket(socket: Socket, { guard, onProblem, tap: tapOf }: SocketReaderNeeds): void {
  const push = socket.push.bind(socket);
  let passed = false;
  const tap = tapOf((bytes) => {
    passed = true;
    return push(bytes);
  });
  socket.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (!(chunk instanceof Uint8Array)) return push(chunk, encoding);
    const problem = guard.check(chunk);
    if (problem !== null) {
      onProblem(problem);
      socket.destroy();
      return false;
    }
    passed = false;
    const more = tap.read(chunk as Buffer);
    if (!passed) free(chunk);
    return more;
  };
  socket.once('close', () => tap.close());
}

/**
 * Node makes 64 KiB for every read and leaves them to the garbage collector. Nobody has seen a chunk that the tap took
 * as a whole, so its memory can go at once.
 */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
