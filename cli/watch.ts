import type { Messenger } from '../broker/index.ts';
import type { Output } from './output.ts';

/** Says of each board when it comes and goes. */
export async function watchBoards(messenger: Messenger, output: Output): Promise<() => void> {
  return messenger.subscribe('deviceState', { id: '+' }, ({ message }) => {
    switch (message.kind) {
      case 'online':
        return output.line(`${message.board} is online at ${message.dataUrl} (${message.cores} cores).`);
      case 'offline':
        return output.line(`${message.board} went offline: ${message.reason}.`);
      case 'lost':
        return output.line(`${message.board} is lost: its connection broke.`);
      default:
        return message satisfies never;
    }
  });
}

export function untilInterrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    // An aborted signal keeps no process alive; this timer does.
    const alive = setInterval(() => {}, 60_000);
    const end = () => {
      clearInterval(alive);
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
  });
}
