import { spawnSync } from 'node:child_process';

/**
 * What may go out at once after a pause, as long as this takes at the rate. A timer that is later than this makes the
 * limiter slower than its rate, plain TCP too: with 1 ms it came to 0.90 of 100 Mbit/s on a shared machine.
 */
const BURST_SECONDS = 0.004;
const FRAME_BYTES = 1514;
const QUEUE_MILLISECONDS = 50;
const MOST_SEGMENT_BYTES = 65_536;

/** Two network namespaces on one virtual cable. They have the addresses only inside. */
export interface Cable {
  readonly near: { readonly namespace: string; readonly address: string };
  readonly far: { readonly namespace: string; readonly address: string };
  remove(): void;
}

/** Lays the cable; both directions are limited to `megabits` a second where that is given. Needs root. */
export function layCable(megabits: number | undefined): Cable {
  const name = `flotilla-bench-${process.pid}`;
  const near = { namespace: `${name}-near`, address: '10.214.0.1' };
  const far = { namespace: `${name}-far`, address: '10.214.0.2' };
  const remove = (): void => {
    for (const { namespace } of [near, far]) spawnSync('ip', ['netns', 'del', namespace]);
  };
  try {
    for (const { namespace } of [near, far]) run('ip', 'netns', 'add', namespace);
    run(
      'ip',
      '-n',
      near.namespace,
      'link',
      'add',
      'eth0',
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      far.namespace,
    );
    for (const { namespace, address } of [near, far]) {
      run('ip', '-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
      if (megabits !== undefined) limit(namespace, megabits);
      for (const device of ['lo', 'eth0']) run('ip', '-n', namespace, 'link', 'set', device, 'up');
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { near, far, remove };
}

function limit(namespace: string, megabits: number): void {
  const burst = Math.max(2 * FRAME_BYTES, Math.round(megabits * 125_000 * BURST_SECONDS));
  const segment = Math.min(MOST_SEGMENT_BYTES, Math.max(FRAME_BYTES, burst - 200));
  run('ip', '-n', namespace, 'link', 'set', 'eth0', 'gso_max_size', String(segment));
  const bucket = ['rate', `${megabits}mbit`, 'burst', String(burst), 'latency', `${QUEUE_MILLISECONDS}ms`];
  run('tc', '-n', namespace, 'qdisc', 'add', 'dev', 'eth0', 'root', 'tbf', ...bucket);
}

function run(tool: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(tool, args, { encoding: 'utf8', timeout: 20_000 });
  if (status !== 0) throw new Error(`${tool} ${args.join(' ')}: ${error?.message ?? stderr.trim()}; run this as root`);
}
