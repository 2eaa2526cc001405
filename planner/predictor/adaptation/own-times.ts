/** What single works take beyond what is known of the board. */
export interface OwnTime {
  /** Logarithm of measured ÷ predicted without it, as far as it is believed. */
  readonly residual: number;
  readonly measurements: number;
}

/**
 * By the id of the work, in buckets: a new state shares all buckets but one with the state before, so that to learn one
 * time does not copy them all.
 */
export type OwnTimes = readonly ReadonlyMap<string, OwnTime>[];

const buckets = 64;

export const noTimes: OwnTimes = Array.from({ length: buckets }, () => new Map());

export function timeOf(times: OwnTimes, id: string): OwnTime | undefined {
  return times[bucketOf(id)]!.get(id);
}

export function withTime(times: OwnTimes, id: string, time: OwnTime): OwnTimes {
  const bucket = bucketOf(id);
  const next = times.slice();
  next[bucket] = new Map(times[bucket]).set(id, time);
  return next;
}

/** FNV-1a. */
function bucketOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % buckets;
}
