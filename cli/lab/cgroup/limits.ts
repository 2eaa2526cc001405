/** What a board's control group is to allow. */
export interface Limits {
  /** Of one core. */
  readonly quota?: number;
  readonly memoryBytes?: number;
}

export interface Setting {
  readonly file: string;
  readonly value: string;
  /** Not every kernel has the file. */
  readonly optional?: boolean;
}

/** Short, so that a small quota makes a board slow, and not fast for a moment and then dead for long. */
const PERIOD_MICROSECONDS = 10_000;
/** The kernel gives no less than this in a period (kernel/sched/core.c, min_cfs_quota_period). */
const LEAST_MICROSECONDS = 1_000;

/** Microseconds of computing in each period; a very small quota gets a longer period. */
export function bandwidth(quota: number): { readonly quota: number; readonly period: number } {
  const period = Math.max(PERIOD_MICROSECONDS, Math.ceil(LEAST_MICROSECONDS / quota));
  return { quota: Math.max(LEAST_MICROSECONDS, Math.round(quota * period)), period };
}

/** Files of the `cpu` group. */
export function cpuSettings(version: 1 | 2, { quota: share }: Limits): readonly Setting[] {
  if (share === undefined) return [];
  const { quota, period } = bandwidth(share);
  if (version === 2) return [{ file: 'cpu.max', value: `${quota} ${period}` }];
  return [
    { file: 'cpu.cfs_period_us', value: String(period) },
    { file: 'cpu.cfs_quota_us', value: String(quota) },
  ];
}

/** Files of the `memory` group. Swapping would hide that a board is full. */
export function memorySettings(version: 1 | 2, { memoryBytes }: Limits): readonly Setting[] {
  if (memoryBytes === undefined) return [];
  const value = String(memoryBytes);
  if (version === 2) {
    return [
      { file: 'memory.max', value },
      { file: 'memory.swap.max', value: '0', optional: true },
    ];
  }
  return [
    { file: 'memory.limit_in_bytes', value },
    { file: 'memory.memsw.limit_in_bytes', value, optional: true },
  ];
}
