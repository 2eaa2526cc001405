import { createHash } from 'node:crypto';
import { realpath, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunHeldError } from './errors.ts';

/*
 * The one process of a run listens at a local socket that is named after the run's directory. The kernel lets nobody else
 * listen there, and frees it when the process is gone, however it went: there is nothing to be cleaned up or to be stale.
 */

export interface Hold {
  release(): Promise<void>;
}

/** Takes a run for this process. @throws RunHeldError where another one has it */
export async function holdRun(directory: string): Promise<Hold> {
  const address = await addressOf(directory);
  const server = await listen(address).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    if (isAbstract(address) || (await answers(address))) throw new RunHeldError(directory);
    await rm(address, { force: true });
    return listen(address);
  });
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Whether a process, also one that is stopped, has this run. */
export async function isHeld(directory: string): Promise<boolean> {
  return answers(await addressOf(directory));
}

const isAbstract = (address: string): boolean => address.startsWith('\0');

/** On Linux a name that is in no file system (unix(7), "abstract"); elsewhere a file. */
async function addressOf(directory: string): Promise<string> {
  const name = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
    .slice(0, 32);
  return process.platform === 'linux' ? `\0flotilla-run-${name}` : join(tmpdir(), `flotilla-run-${name}`);
}

function listen(address: string): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}).destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => resolve(server));
  });
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
