import type { Client } from '../../broker/index.ts';

/** A board that is well is heard this often: the hub misses it after some of them. */
const HEARTBEAT_MILLISECONDS = 1_000;

/**
 * Says that this process lives, from the thread that also sends and receives: computing goes on in another. What cannot
 * be sent is left out.
 */
export function startHeartbeat(board: string, hub: Client, signal: AbortSignal): void {
  const beat = (): void => {
    if (hub.connected) hub.publish('deviceHeartbeat', { id: board }, { kind: 'beat', board }, signal).catch(() => {});
  };
  const timer = setInterval(beat, HEARTBEAT_MILLISECONDS);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  beat();
}
