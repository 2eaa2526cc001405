import { spawn } from 'node:child_process';
import { join } from 'node:path';

const program = join(import.meta.dirname, '..', 'cli', 'flotilla.js');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * No state is captured for a loss: a few steps say nothing of what that costs in a long run, where it is rare; in a bench it
 * would be in each.
 */
export const noCaptures = ['--replicate-every', '0', '--capture-every', '0'] as const;

/** Runs the real command to its end. @throws Error with its last words where it fails, or takes longer than it may */
export async function flotilla(args: readonly string[], patienceSeconds: number): Promise<void> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
    timeout: 1000 * patienceSeconds,
    killSignal: 'SIGTERM',
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_000);
    });
  }
  // Whoever ends the bench ends the lab, which then removes what it has made.
  const pass = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, pass);
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  for (const signal of SIGNALS) process.off(signal, pass);
  if (code !== 0) throw new Error(`flotilla ${args.join(' ')} ended with ${code}:\n${said}`);
}
