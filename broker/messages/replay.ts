import type { Position } from './envelope.ts';

/** What a position is against the last accepted one of the same sender and topic. */
export type Freshness = 'fresh' | 'same' | 'old';

/** Remembers the last position by sender and topic. */
export interface ReplayGuard {
  /** Compares, and remembers a fresh position. */
  admit(sender: string, topic: string, position: Position): Freshness;
}

/** The last position of a pair, and its turn among all that came. */
interface Seen extends Position {
  readonly turn: number;
}

/**
 * Bounded: senders are the fleet's, topics the table's for the ids of the fleet and its runs. Beyond `capacity`
 * the pair that was silent longest is forgotten. It is looked for only then: to keep the pairs in order would delete and
 * add one with every message, for which a `Map` is not good (`FewMap`).
 */
export function createReplayGuard(capacity = 4096): ReplayGuard {
  const last = new Map<string, Seen>();
  let turn = 0;
  return {
    admit(sender, topic, position) {
      const key = `${sender} ${topic}`;
      const before = last.get(key);
      const order = before === undefined ? 1 : comparePositions(position, before);
      if (order <= 0) return order === 0 ? 'same' : 'old';
      turn += 1;
      last.set(key, { incarnation: position.incarnation, sequence: position.sequence, turn });
      if (last.size > capacity) last.delete(silentLongest(last));
      return 'fresh';
    },
  };
}

function silentLongest(last: ReadonlyMap<string, Seen>): string {
  let earliest: readonly [string, Seen] | undefined;
  for (const pair of last) if (earliest === undefined || pair[1].turn < earliest[1].turn) earliest = pair;
  return earliest![0];
}

/** Positive where `a` is later than `b`, 0 where they are the same. */
export function comparePositions(a: Position, b: Position): number {
  return a.incarnation === b.incarnation ? a.sequence - b.sequence : a.incarnation - b.incarnation;
}
