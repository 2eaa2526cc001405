import type { Life, Sample } from './processes.ts';

/** What a process takes at first says nothing: it loads, plans and reserves. */
export const WARM_UP_SECONDS = 60;
/** Shorter lives are too short to be judged. */
const LEAST_SECONDS = 120;
/** What a process may take more late in its life than early. */
const GROWTH_BYTES = 20e6;
/**
 * Buffers that nobody holds any more stay until there are so many bytes of them: V8's soft limit for memory outside its heap. A board
 * with a small stage never comes to it, one with larger tensors always does.
 */
const GARBAGE_BYTES = 64 * 2 ** 20;
/** A connection that is being made anew is there twice. */
const GROWTH_HANDLES = 4;

/** How a process that lived long enough has changed, from the first quarter after its warm-up to the last. */
export interface Growth {
  readonly name: string;
  readonly pid: number;
  readonly seconds: number;
  /** Medians of the first and the last quarter. */
  readonly bytes: readonly [first: number, last: number];
  /** Most in the first and the last quarter. */
  readonly handles: readonly [first: number, last: number];
  /** What its stage was to take: the median of the first quarter, and the most after it. */
  readonly stageBytes: readonly [first: number, most: number];
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
    stageBytes: [
      median(parts[0].map(({ stageBytes }) => stageBytes)),
      Math.max(...settled.slice(quarter).map(({ stageBytes }) => stageBytes)),
    ],
  };
}

/** What is wrong with it, in words. A stage that is larger than at first takes what the planner says, and leaves more garbage. */
export function problemsOf(growth: Growth): readonly string[] {
  const [bytes, handles, stage] = [growth.bytes, growth.handles, growth.stageBytes].map(([from, to]) => to - from);
  const allowed = GROWTH_BYTES + (stage! > 0 ? stage! + GARBAGE_BYTES : 0);
  return [
    ...(bytes! > allowed ? [`${wordsOf(growth)}: more than ${megabytes(allowed)} MB were added`] : []),
    ...(handles! > GROWTH_HANDLES ? [`${wordsOf(growth)}: descriptors are added`] : []),
  ];
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const medianBytes = (samples: readonly Sample[]): number => median(samples.map(({ bytes }) => bytes));

const mostHandles = (samples: readonly Sample[]): number => Math.max(...samples.map(({ handles }) => handles));

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);

export function wordsOf({ name, pid, seconds, bytes, handles, stageBytes }: Growth): string {
  const stage = stageBytes[1] === 0 ? '' : ` (its stage ${stageBytes.map(megabytes).join(' → ')} MB)`;
  const memory = `${bytes.map(megabytes).join(' → ')} MB${stage}`;
  return `${name} (${pid}), ${seconds.toFixed(0)} s: ${memory}, ${handles.join(' → ')} descriptors`;
}
