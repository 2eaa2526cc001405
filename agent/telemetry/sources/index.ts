import type { Tree } from '../tree.ts';
import type { Readings } from '../types.ts';
import { cgroupSource } from './cgroup.ts';
import { cpufreqSource } from './cpufreq.ts';
import { devfreqSource } from './devfreq.ts';
import { jetsonSource } from './jetson.ts';
import { memorySource } from './memory.ts';
import { processorSource } from './processor.ts';
import { raspberrySource } from './raspberry.ts';
import { thermalSource } from './thermal.ts';

/** All sources by name. Where two give the same reading, the earlier one's is taken. */
export const sources = {
  processor: processorSource,
  memory: memorySource,
  cgroup: cgroupSource,
  cpufreq: cpufreqSource,
  thermal: thermalSource,
  devfreq: devfreqSource,
  jetson: jetsonSource,
  raspberry: raspberrySource,
} satisfies Record<string, (tree: Tree) => () => Readings>;

export type SourceName = keyof typeof sources;
export const sourceNames = Object.keys(sources) as SourceName[];
