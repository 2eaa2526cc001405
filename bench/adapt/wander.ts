import { randomStream } from '../../models/index.ts';

/** Shares of a core that a board may have, in order: a change goes to the next one up or down. */
export const levels: readonly number[] = [0.2, 0.4, 0.6];
/** What boards have together at most: more, and they measure each other (docs/lab.md). */
export const MOST_CORES = 1.5;
/** Seconds from one change to the next, both included. */
const PAUSE = { least: 20, most: 40 } as const;

export interface Change {
  /** Seconds of training. */
  readonly at: number;
  readonly board: number;
  readonly quota: number;
}

/** Quotas of boards that go up and down. */
export interface Wander {
  readonly first: readonly number[];
  /** In their order; each is of one board. */
  readonly changes: readonly Change[];
}

/** Boards with these quotas. */
export interface Stay {
  readonly quotas: readonly number[];
  readonly seconds: number;
}

/**
 * Quotas that wander for so many seconds: every 20 to 40 s one board, drawn among those that can, goes to the next level up or
 * down. The same seed gives the same wander, and a longer one begins like a shorter one.
 */
export function wander(first: readonly number[], seconds: number, seed: number): Wander {
  const random = randomStream(seed, 'wander');
  const changes: Change[] = [];
  let quotas = first;
  for (let at = 0; ; ) {
    at += PAUSE.least + random.integer(PAUSE.most - PAUSE.least + 1);
    if (at >= seconds) return { first, changes };
    const possible = stepsFrom(quotas);
    const { board, quota } = possible[random.integer(possible.length)]!;
    changes.push({ at, board, quota });
    quotas = quotas.with(board, quota);
  }
}

function stepsFrom(quotas: readonly number[]): readonly Omit<Change, 'at'>[] {
  const cores = quotas.reduce((sum, each) => sum + each, 0);
  return quotas.flatMap((now, board) => {
    const level = levels.indexOf(now);
    const near = [levels[level - 1], levels[level + 1]].filter((quota) => quota !== undefined);
    return near.filter((quota) => cores - now + quota <= MOST_CORES + 1e-9).map((quota) => ({ board, quota }));
  });
}

/** How long boards have which quotas within the first `seconds`; the last ones hold for ever. */
export function staysOf({ first, changes }: Wander, seconds: number): readonly Stay[] {
  const starts = [{ at: 0, quotas: first }];
  for (const { at, board, quota } of changes) starts.push({ at, quotas: starts.at(-1)!.quotas.with(board, quota) });
  return starts
    .map(({ at, quotas }, index) => ({ quotas, seconds: Math.min(seconds, starts[index + 1]?.at ?? seconds) - at }))
    .filter((stay) => stay.seconds > 0);
}

/** Boards differ by nothing but their quotas: who has which is all the same. */
export function stateOf(quotas: readonly number[]): string {
  return quotas.toSorted((a, b) => b - a).join('/');
}

/** As a scenario writes them. */
export function eventsOf({ changes }: Wander, names: readonly string[]): readonly string[] {
  return changes.map(
    ({ at, board, quota }) => `{ after: ${at} s of training, board: ${names[board]}, event: quota, quota: ${quota} }`,
  );
}
