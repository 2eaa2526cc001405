import type { Messenger } from '../broker/index.ts';

/** Time for the broker to hand out what it has kept. */
export const LOOK_MILLISECONDS = 500;
const ENDED: ReadonlySet<string> = new Set(['stopping', 'over']);

/**
 * Waits until no run that goes on has the board in its plan, as the retained messages of runs say.
 * @param onBusy told of the run that is waited for
 * @returns the run that still has it after `seconds`, undefined where none has
 */
export async function untilIdle(
  messenger: Messenger,
  board: string,
  seconds: number,
  onBusy: (run: string) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  const phases = new Map<string, string>();
  const boards = new Map<string, readonly string[]>();
  let look = (): void => {};
  const busy = (): string | undefined => {
    const runs = [...boards].filter(([run]) => phases.has(run) && !ENDED.has(phases.get(run)!));
    return runs.find(([, used]) => used.includes(board))?.[0];
  };
  const ends = [
    await messenger.subscribe('runState', { run: '+' }, ({ message: { run, phase } }) => {
      phases.set(run, phase);
      look();
    }),
    await messenger.subscribe('runPlan', { run: '+' }, ({ message: { run, plan } }) => {
      const { stages } = plan as unknown as { readonly stages: readonly { readonly board: string }[] };
      boards.set(
        run,
        stages.map((stage) => stage.board),
      );
      look();
    }),
  ];
  try {
    await within(LOOK_MILLISECONDS, signal, () => false);
    const first = busy();
    if (first !== undefined) onBusy(first);
    await within(1000 * seconds, signal, () => busy() === undefined);
    return busy();
  } finally {
    for (const end of ends) end();
  }

  /** Until it holds, or the time is over. @throws the signal's reason */
  function within(milliseconds: number, ending: AbortSignal, holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        ending.removeEventListener('abort', onAbort);
        look = () => {};
        act();
      };
      const timer = setTimeout(() => settle(resolve), milliseconds);
      const onAbort = (): void => settle(() => reject(ending.reason));
      ending.addEventListener('abort', onAbort, { once: true });
      look = () => {
        if (holds()) settle(resolve);
      };
      look();
    });
  }
}
