import { type Stay, stateOf } from './wander.ts';

/** By state of the quotas: samples per second of the best plan for them. */
export type Rates = ReadonlyMap<string, number>;

/**
 * Samples per second over all stays of who has the best plan for each from its first moment, and changes in no time.
 * @throws Error where a state has no rate
 */
export function oracleRate(stays: readonly Stay[], rates: Rates): number {
  let samples = 0;
  let seconds = 0;
  for (const stay of stays) {
    const rate = rates.get(stateOf(stay.quotas));
    if (rate === undefined) throw new Error(`nothing was measured at quotas of ${stateOf(stay.quotas)}`);
    samples += rate * stay.seconds;
    seconds += stay.seconds;
  }
  return samples / seconds;
}

/** The states of some stays that have no rate yet, each once, as quotas. */
export function statesWithout(stays: readonly Stay[], rates: Rates): readonly (readonly number[])[] {
  const missing = new Map<string, readonly number[]>();
  for (const { quotas } of stays) {
    const state = stateOf(quotas);
    if (!rates.has(state))
      missing.set(
        state,
        quotas.toSorted((a, b) => b - a),
      );
  }
  return [...missing.values()];
}
