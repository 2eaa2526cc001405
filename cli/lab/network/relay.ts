import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { ProcessDiedError } from '../../errors.ts';
import { LabUnsupportedError } from '../errors.ts';
import { macOf } from './addresses.ts';
import type { RelayPort } from './commands.ts';

const READY_MILLISECONDS = 15_000;
const STOP_MILLISECONDS = 2_000;

/** The process that is the switch of a lab. */
export interface Relay {
  readonly pid: number;
  /** Rejects when it ends before `stop`; never resolves. */
  readonly died: Promise<never>;
  /** From now on frames from the station with this address, and those to it, are lost with these chances. */
  setLoss(address: string, chances: { readonly up: number; readonly down: number }): void;
  stop(): Promise<void>;
}

/** Starts the relay on devices that are there. @throws LabUnsupportedError, ProcessDiedError */
export async function startRelay(ports: readonly RelayPort[]): Promise<Relay> {
  await access('/dev/net/tun', constants.R_OK | constants.W_OK).catch(() => {
    throw unsupported('there is no /dev/net/tun for a relay');
  });
  const child = spawn('python3', [join(import.meta.dirname, 'relay.py'), JSON.stringify(ports)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C in the terminal is for us; the relay ends with its standard input.
    detached: true,
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-2_000);
  });
  child.stdin.on('error', () => {});
  const failed = new Promise<never>((_, reject) => {
    child.once('error', () => reject(unsupported('python3, which a relay would run on, cannot be started')));
  });
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(`ended with ${signal ?? `code ${code}`}`));
  });
  let stopping = false;
  const died = ended.then((how): never | Promise<never> => {
    if (stopping) return new Promise<never>(() => {});
    throw new ProcessDiedError('the relay', how, words.trim());
  });
  for (const promise of [failed, died]) promise.catch(() => {});
  const stop = async () => {
    stopping = true;
    child.stdin.end();
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MILLISECONDS);
    await Promise.race([ended, failed.catch(() => {})]);
    clearTimeout(late);
  };
  const ready = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => text.includes('ready') && resolve());
  });
  const late = setTimeout(() => child.kill('SIGKILL'), READY_MILLISECONDS);
  try {
    await Promise.race([ready, failed, died]);
  } finally {
    clearTimeout(late);
  }
  const setLoss: Relay['setLoss'] = (address, { up: lossUp, down: lossDown }) => {
    child.stdin.write(`${JSON.stringify({ mac: macOf(address), lossUp, lossDown })}\n`);
  };
  return { pid: child.pid!, died, setLoss, stop };
}

function unsupported(why: string): LabUnsupportedError {
  const next = 'install python3 and load the kernel module tun, or sch_netem, or leave delay and loss out';
  return new LabUnsupportedError('delay or loss', `this kernel has no netem, and ${why}`, next);
}
