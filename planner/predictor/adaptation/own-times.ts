import { hashOf } from '../hash.ts';

/** What works take beyond what is known of the board, in logarithms: a normal distribution. */
export interface OwnTime {
  readonly mean: number;
  /** In units of the noise's variance. */
  readonly variance: number;
}

/**
 * By name of a work or of what it has in common with others, in buckets: a new state shares all buckets but one with the state before, so that to learn one
 * time does not copy them all.
 */
export type OwnTimes = readonly ReadonlyMap<string, OwnTime>[];

const buckets = 64;

export const noTimes: OwnTimes = Array.from({ length: buckets }, () => new Map());

export function timeOf(times: OwnTimes, name: string): OwnTime | undefined {
  return times[hashOf(name) % buckets]!.get(name);
}

export function withTime(times: OwnTimes, name: string, time: OwnTime): OwnTimes {
  const bucket = hashOf(name) % buckets;
  const next = times.slice();
  next[bucket] = new Map(times[bucket]).set(name, time);
  return next;
}
