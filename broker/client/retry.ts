const FIRST_RETRY_MILLISECONDS = 200;
const LONGEST_RETRY_MILLISECONDS = 5_000;

/**
 * Milliseconds before attempt `attempt + 1`: doubling up to 5 s, and of that between half and all, so that a fleet
 * that lost its hub does not come back in one moment.
 * @param random in [0, 1)
 */
export function retryPause(attempt: number, random: number): number {
  const longest = Math.min(LONGEST_RETRY_MILLISECONDS, FIRST_RETRY_MILLISECONDS * 2 ** Math.min(attempt, 10));
  return longest * (0.5 + random / 2);
}
