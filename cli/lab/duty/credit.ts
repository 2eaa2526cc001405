/**
 * A processor share by stopping and continuing: a process earns `quota` seconds of computing a second and spends what
 * it really used. It stops while its credit is used up. What it does not use is lost beyond one period, so that after
 * a pause it is not faster than its quota.
 */
export interface Credit {
  /** Seconds of computing; below 0 where the process used more than it had. */
  readonly seconds: number;
  readonly stopped: boolean;
}

export const PERIOD_SECONDS = 0.01;

export const initialCredit: Credit = { seconds: 0, stopped: false };

/** After `elapsed` seconds in which the process used `used` seconds of processor. */
export function settle({ seconds }: Credit, quota: number, elapsed: number, used: number): Credit {
  const left = Math.min(seconds + quota * elapsed - used, quota * PERIOD_SECONDS);
  return { seconds: left, stopped: left <= 0 };
}
