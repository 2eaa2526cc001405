import { type Call, type Engine, type StageDescription, stageCalls } from '../../agent/index.ts';
import type { RecordedRow, Source } from '../../planner/index.ts';
import { classes } from './sources.ts';

/** A source that an engine of its own has loaded. */
export interface Subject {
  readonly source: Source;
  readonly engine: Engine;
  readonly passes: readonly { readonly pass: RecordedRow['pass']; readonly call: Call }[];
}

/** What one visit found: means over the calls of a window. */
export interface Visit {
  readonly seconds: number;
  /** Of the whole process: all threads. */
  readonly cpuSeconds: number;
}

/** Visits by subject and pass, and how long the board took for a second of its processor in the tour. */
export interface Tour {
  readonly visits: ReadonlyMap<string, Visit>;
  readonly secondsPerCpuSecond: number;
}

export const keyOf = ({ model, firstBlock, lastBlock, microBatch }: Source, pass: string) =>
  `${model} ${microBatch} ${firstBlock} ${lastBlock} ${pass}`;

export function subjectOf(source: Source, engine: Engine, stage: StageDescription, isFused: boolean): Subject {
  const { forward, backward, forwardBackward, update } = stageCalls(engine, stage, classes);
  if (isFused) return { source, engine, passes: [{ pass: 'forwardBackward', call: forwardBackward }] };
  const isBlock = source.firstBlock === source.lastBlock;
  return {
    source,
    engine,
    passes: [
      { pass: 'forward', call: forward },
      { pass: 'backward', call: backward },
      ...(isBlock && stage.parameters.length > 0 ? [{ pass: 'update', call: update } as const] : []),
    ],
  };
}

/** A window is this long, in processor seconds, or one call. */
const windowSeconds = 1.2e-3;
const mostCalls = 32;

/** Visits every subject once, in this order. */
export async function tour(subjects: readonly Subject[]): Promise<Tour> {
  const visits = new Map<string, Visit>();
  const start = now();
  for (const subject of subjects) {
    for (const [pass, visit] of await visitSubject(subject)) visits.set(keyOf(subject.source, pass), visit);
  }
  const end = now();
  return { visits, secondsPerCpuSecond: (end.seconds - start.seconds) / (end.cpuSeconds - start.cpuSeconds) };
}

/** In what takes longer, in processor seconds, what the caches lacked at first does not show: its one call counts. */
const warmedSeconds = 20e-3;

/**
 * One call of each pass to bring what it needs into the caches, then as many as fill a window, at least one: backward needs
 * as many forwards before it.
 */
async function visitSubject({ passes }: Subject): Promise<readonly (readonly [RecordedRow['pass'], Visit])[]> {
  const first: Visit[] = [];
  for (const { call } of passes) first.push(await measured(call, 1));
  const pairs = Math.max(...passes.map(({ pass }, index) => (pass === 'update' ? 0 : callsIn(first[index]!))));
  const found: (readonly [RecordedRow['pass'], Visit])[] = [];
  for (const [index, { pass, call }] of passes.entries()) {
    const calls = pass === 'update' ? callsIn(first[index]!) : pairs;
    found.push([pass, calls === 0 ? first[index]! : await measured(call, calls)]);
  }
  return found;
}

function callsIn({ cpuSeconds }: Visit): number {
  if (cpuSeconds > warmedSeconds) return 0;
  return Math.min(mostCalls, Math.max(1, Math.floor(windowSeconds / Math.max(1e-6, cpuSeconds))));
}

async function measured(call: Call, count: number): Promise<Visit> {
  let seconds = 0;
  let cpuSeconds = 0;
  for (let index = 0; index < count; index++) {
    const before = now().cpuSeconds;
    seconds += await call(index);
    cpuSeconds += now().cpuSeconds - before;
  }
  return { seconds: seconds / count, cpuSeconds: Math.max(1e-6, cpuSeconds / count) };
}

/** A thread's own time is counted by ticks; the process's is exact. */
function now(): Visit {
  const { user, system } = process.cpuUsage();
  return { seconds: performance.now() / 1000, cpuSeconds: (user + system) / 1e6 };
}
