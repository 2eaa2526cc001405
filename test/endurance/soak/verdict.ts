import type { Life, Sample } from './processes.ts';

/** What a process takes at first says nothing: it loads, plans and reserves. */
export const WARM_UP_SECONDS = 60;
/** Shorter lives are too short to be judged. */
const LEAST_SECONDS = 120;

/** How a process that lived long enough has changed, from the first quarter after its warm-up to the last. */
export interface Growth {
  readonly name: string;
  readonly pid: number;
  readonly seconds: number;
  /** Medians of the first and the last quarter. */
  readonly bytes: readonly [first: number, last: number];
  /** Most in the first and the last quarter. */
  readonly handles: readonly [first: number, last: number];
}

/** Undefined for a life too short. */
export function growthOf({ name, pid, samples }: Life, warmUpSeconds = WARM_UP_SECONDS): Growth | undefined {
  const settled = samples.filter(({ seconds }) => seconds >= warmUpSeconds);
  const seconds = (settled.at(-1)?.seconds ?? 0) - (settled[0]?.seconds ?? 0);
  if (seconds < LEAST_SECONDS) return undefined;
  const quarter = Math.ceil(settled.length / 4);
  const parts = [settled.slice(0, quarter), settled.slice(-quarter)] as const;
  return {
    name,
    pid,
    seconds: samples.at(-1)!.seconds,
    bytes: [medianBytes(parts[0]), medianBytes(parts[1])],
    handles: [mostHandles(parts[0]), mostHandles(parts[1])],
  };
}

function medianBytes(samples: readonly Sample[]): number {
  return samples.map(({ bytes }) => bytes).sort((a, b) => a - b)[samples.length >> 1]!;
}

const mostHandles = (samples: readonly Sample[]): number => Math.max(...samples.map(({ handles }) => handles));

export function wordsOf({ name, pid, seconds, bytes, handles }: Growth): string {
  const megabytes = bytes.map((each) => (each / 1e6).toFixed(0)).join(' → ');
  return `${name} (${pid}), ${seconds.toFixed(0)} s: ${megabytes} MB, ${handles.join(' → ')} descriptors`;
}
