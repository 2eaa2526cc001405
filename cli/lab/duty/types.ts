/** What the thread that stops and continues boards is told. */
export type DutyCommand =
  | { readonly kind: 'hold'; readonly pid: number; readonly quota: number }
  | { readonly kind: 'release'; readonly pid: number }
  | { readonly kind: 'report' }
  | { readonly kind: 'end' };

export interface DutyUse {
  readonly pid: number;
  /** Since it is held. */
  readonly cpuSeconds: number;
  /** Of the time, what it was stopped for. */
  readonly throttledShare: number;
}
