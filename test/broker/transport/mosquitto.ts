import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../free-port.ts';
import { until } from '../helpers.ts';
import { startTcpProxy } from './tcp-proxy.ts';

/** A broker that knows nothing of fleets. */
export interface Mosquitto {
  readonly url: string;
  /** Breaks all connections. */
  cut(): void;
  stop(): Promise<void>;
}

/** Where Debian puts it; null where it is not installed. */
export function findMosquitto(): string | null {
  return ['mosquitto', '/usr/sbin/mosquitto'].find((name) => spawnSync(name, ['-h']).error === undefined) ?? null;
}

/** Starts one with a proxy in front of it, so that connections can be broken. */
export async function startMosquitto(): Promise<Mosquitto> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-mosquitto-'));
  const port = await freePort();
  const file = join(directory, 'mosquitto.conf');
  await writeFile(file, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  // It ends when our end of its standard input closes: also when we are killed.
  const script = '"$0" -c "$1" <&- & read -r end; kill $!; wait $!';
  const child: ChildProcess = spawn('sh', ['-c', script, findMosquitto()!, file], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until('mosquitto to run', () => said.includes('running'));
  const proxy = await startTcpProxy(port);
  return {
    url: `mqtt://127.0.0.1:${proxy.port}`,
    cut: () => proxy.cut(),
    async stop() {
      await proxy.close();
      if (child.exitCode === null && child.signalCode === null) {
        child.stdin!.end();
        await once(child, 'exit');
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}
