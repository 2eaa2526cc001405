import { setTimeout } from 'node:timers/promises';
import { LOOK_MILLISECONDS } from '../work.ts';

/** Waits until the broker has handed out what it has kept. @throws the signal's reason */
export async function firstLook(signal: AbortSignal): Promise<void> {
  await setTimeout(LOOK_MILLISECONDS, undefined, { signal }).catch((error) => {
    throw signal.reason ?? error;
  });
}
