import type { Position } from './envelope.ts';

/** What a position is against the last accepted one of the same sender and topic. */
export type Freshness = 'fresh' | 'same' | 'old';

/** Remembers the last position by sender and topic. */
export interface ReplayGuard {
  /** Compares, and remembers a fresh position. */
  admit(sender: string, topic: string, position: Position): Freshness;
}

/**
 * Bounded: senders are the fleet's, topics the table's for the ids of the fleet and its runs. Beyond `capacity`
 * the pair that was silent longest is forgotten.
 */
export function createReplayGuard(capacity = 4096): ReplayGuard {
  const last = new Map<string, Position>();
  return {
    admit(sender, topic, position) {
      const key = `${sender} ${topic}`;
      const before = last.get(key);
      const order = before === undefined ? 1 : comparePositions(position, before);
      if (order <= 0) return order === 0 ? 'same' : 'old';
      last.delete(key);
      last.set(key, { incarnation: position.incarnation, sequence: position.sequence });
      if (last.size > capacity) last.delete(last.keys().next().value as string);
      return 'fresh';
    },
  };
}

/** Positive where `a` is later than `b`, 0 where they are the same. */
export function comparePositions(a: Position, b: Position): number {
  return a.incarnation === b.incarnation ? a.sequence - b.sequence : a.incarnation - b.incarnation;
}
