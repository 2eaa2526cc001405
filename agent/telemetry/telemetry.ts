import { type Log, silent } from '../../broker/index.ts';
import { type Files, systemFiles } from './files.ts';
import { type SourceName, sourceNames, sources } from './sources/index.ts';
import { createProblems, createTree } from './tree.ts';
import type { Readings, TelemetrySample, TelemetrySource } from './types.ts';

export interface TelemetryOptions {
  /** The directory that `proc` and `sys` lie in. */
  readonly root?: string;
  readonly log?: Log;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  readonly files?: Files;
}

export interface Telemetry {
  readonly sources: readonly (TelemetrySource & { readonly name: SourceName })[];
  /** Some ten to fifty small synchronous reads: at most a few milliseconds, and no fork. Never throws. */
  sample(): TelemetrySample;
  /** How often something that is there could not be read or made no sense, by source. */
  readonly problems: Readonly<Record<string, number>>;
}

/** Reads what a board says of itself. The CPU's load is measured from here on, from sample to sample. */
export function createTelemetry(options: TelemetryOptions = {}): Telemetry {
  const { root = '/', log = silent, clock = Date.now, files = systemFiles } = options;
  const problems = createProblems(log);
  const opened = sourceNames.map((name) => ({
    name,
    read: sources[name](createTree(root, name, files, problems)),
  }));
  return {
    sources: opened,
    sample() {
      const readings: readonly Readings[] = opened.toReversed().map(({ read }) => read());
      return Object.assign({ at: clock() / 1000 }, ...readings);
    },
    problems: problems.counts,
  };
}
