import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below those that Linux (from 32768) and others (from 49152) hand out by themselves. */
const FIRST = 10_000;
const LAST = 29_999;
const ATTEMPTS = 50;

/**
 * A port of the loopback address that nobody listens at, for somebody who listens at it a moment later. A port that the
 * system chose could by then be the near end of any connection that was made meanwhile.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`${ATTEMPTS} ports from ${FIRST} to ${LAST} are all taken`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
