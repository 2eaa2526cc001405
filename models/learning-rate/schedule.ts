/** How the learning rate goes over a run. A value: it holds no position, and all lengths are in steps. */
export type LearningRateSchedule =
  | { readonly kind: 'constant'; readonly rate: number }
  /** `rate` · `factor`^⌊step / every⌋ */
  | { readonly kind: 'step'; readonly rate: number; readonly every: number; readonly factor: number }
  /** Up in a line over `warmup` steps, then down to `floor` along half a cosine (SGDR, arXiv 1608.03983, one cycle). */
  | { readonly kind: 'cosine'; readonly rate: number; readonly warmup: number; readonly floor: number };

/**
 * The learning rate of one step. The same arguments always give the same rate, so a run that is resumed goes on as if it
 * had never stopped.
 * @param step counts from 0; beyond the end, the rate of the last step's successor stays
 * @param totalSteps steps of the whole run; only `cosine` asks
 */
export function rateAt(schedule: LearningRateSchedule, step: number, totalSteps: number): number {
  switch (schedule.kind) {
    case 'constant':
      return schedule.rate;
    case 'step':
      return schedule.rate * schedule.factor ** Math.floor(step / schedule.every);
    case 'cosine': {
      const { rate, warmup, floor } = schedule;
      // The first step learns already, and step `warmup` is the first at the full rate.
      if (step < warmup) return (rate * (step + 1)) / (warmup + 1);
      const progress = Math.min(1, (step - warmup) / Math.max(1, totalSteps - warmup));
      return floor + (rate - floor) * 0.5 * (1 + Math.cos(Math.PI * progress));
    }
    default:
      return schedule satisfies never;
  }
}
