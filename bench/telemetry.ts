import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createTelemetry, type Telemetry } from '../agent/index.ts';
import { boardNames, openBoard } from '../test/agent/telemetry/boards.ts';
import { median, percentile } from './statistics.ts';

const warmUps = 100;
/** As in an agent, where minutes of other work lie between samples, only shorter. */
const spacedSamples = 40;
const spacingMilliseconds = 20;

interface Measured {
  readonly tree: string;
  readonly sampleMs: number;
  readonly p99Ms: number;
  readonly spacedMs: number;
  readonly wallMs: number;
  readonly sources: readonly string[];
}

/** CPU time of one telemetry sample, of this machine and of the boards' trees. Numbers are defined in METHODOLOGY.md. */
export async function telemetryBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: { samples: { type: 'string', default: '1000' }, json: { type: 'boolean', default: false } },
  });
  const samples = Number(values.samples);
  const trees: Measured[] = [await measure('machine', createTelemetry(), samples)];
  for (const name of boardNames) {
    const board = await openBoard(name);
    try {
      trees.push(await measure(name, createTelemetry({ root: board.root }), samples));
    } finally {
      await board.remove();
    }
  }
  return {
    sampleMs: Math.max(...trees.map(({ sampleMs }) => sampleMs)),
    p99Ms: Math.max(...trees.map(({ p99Ms }) => p99Ms)),
    spacedMs: Math.max(...trees.map(({ spacedMs }) => spacedMs)),
    sources: [...new Set(trees.flatMap(({ sources }) => sources))],
    samples,
    trees,
  };
}

async function measure(tree: string, telemetry: Telemetry, samples: number): Promise<Measured> {
  const spaced: number[] = [];
  for (let at = 0; at < spacedSamples; at++) {
    await pause(spacingMilliseconds);
    spaced.push(cpuMilliseconds(() => telemetry.sample()));
  }
  for (let at = 0; at < warmUps; at++) telemetry.sample();
  const single: number[] = [];
  const start = performance.now();
  const total = cpuMilliseconds(() => {
    for (let at = 0; at < samples; at++) single.push(cpuMilliseconds(() => telemetry.sample()));
  });
  const wall = performance.now() - start;
  // A sample of nothing is quick: it has to hold what every board has, and to have met no trouble.
  const { memoryFreeBytes, cpusOnline } = telemetry.sample();
  const troubles = JSON.stringify(telemetry.problems);
  if (memoryFreeBytes === undefined || cpusOnline === undefined || troubles !== '{}') {
    throw new Error(`the sample of ${tree} is not whole: ${troubles}`);
  }
  return {
    tree,
    sampleMs: round3(total / samples),
    p99Ms: round3(percentile(single, 0.99)),
    spacedMs: round3(median(spaced)),
    wallMs: round3(wall / samples),
    sources: telemetry.sources.filter(({ read }) => Object.keys(read()).length > 0).map(({ name }) => name),
  };
}

/** CPU time of this process, all its threads, user and system. */
function cpuMilliseconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const round3 = (value: number) => Math.round(1000 * value) / 1000;
