import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { calibrate, createOnnxEngine, onnxRuntime, probeCapabilities, startMeasurer } from '../../agent/index.ts';
import { readPredictor } from '../../cli/predictor/files.ts';
import { randomStream, zoo } from '../../models/index.ts';
import {
  blockSources,
  formatRecording,
  graphOf,
  halfSources,
  parseRecording,
  predictors,
  type RecordedRow,
  type Recording,
  type Source,
} from '../../planner/index.ts';
import { boards, type EmulatedBoard } from './boards.ts';
import { undisturbedTimes } from './disturbance.ts';
import { withLock } from './lock.ts';
import { withNeighbour } from './neighbour.ts';
import { type Quota, withQuota } from './quota.ts';
import { classes, isWanted, isWhole, sources } from './sources.ts';
import { keyOf, type Subject, subjectOf, type Tour, tour } from './visits.ts';

/*
 * Adds rounds to the recordings of boards with the same engine (threads, layout, arena):
 * `node bench/predictor/record-boards.ts DIRECTORY ROUNDS LOCK BOARD…`; LOCK is a file or '-'. All works are loaded once.
 * In a round each board visits them all in some tours, each in another order, so that each work is seen at many moments.
 */

const calibrationBudget = 30;
/** Tours of a round: as many as begin within these seconds. */
const roundSeconds = 14;
const leastTours = 3;
const mostTours = 6;
/** Milliseconds after which no board begins. */
const longestTurn = 230_000;

/** What `flotilla calibrate --model mobilenetv2 --cuts single` measures. */
const calibrated = { name: 'mobilenetv2', classes, inputShape: zoo.mobilenetv2.sample, microBatch: 8 } as const;

const [directory = '', roundsText = '1', lockText = '-', ...names] = process.argv.slice(2);
const lock = lockText === '-' ? undefined : lockText;
const wanted = boards.filter(({ name }) => names.includes(name));
const { threads, layout, arena } = wanted[0]!;
const channelBlock = layout === 'plain' ? 0 : (await probeCapabilities()).channelBlock;

/** One measurement: the pass of a source. */
type Measured = readonly [source: Source, pass: RecordedRow['pass'], seconds: number];

const subjects: Subject[] = [];
for (const source of sources) {
  if (wanted.some((board) => isWanted(board, source))) subjects.push(await load(source));
}
// What is not counted reserves memory, and lets the compiler of the JavaScript around the engine see it run.
for (let index = 0; index < 2; index++) await tour(subjects);
console.error(`${names.join()}: loaded, ${Math.round(process.memoryUsage().rss / 1e6)} MB`);
const rounds = Array.from({ length: Number(roundsText) }, () => wanted).flat();
await inTurns(rounds, (board) => addTo(board, 'works', (quota) => measureAll(board, quota)));
for (const { engine } of subjects) await engine.dispose();
await inTurns(wanted, (board) => addTo(board, 'calibration', (quota) => timeCalibration(board, quota)));

/** Holds the lock for some boards, then lets others have it. */
async function inTurns(all: readonly EmulatedBoard[], use: (board: EmulatedBoard) => Promise<void>): Promise<void> {
  const left = [...all];
  while (left.length > 0) {
    await withLock(lock, async () => {
      const start = performance.now();
      while (left.length > 0 && performance.now() - start < longestTurn) await use(left.shift()!);
    });
  }
}

async function load(source: Source): Promise<Subject> {
  // With all works loaded, hundreds of threads would spin.
  const spinning = threads === 1;
  const engine = createOnnxEngine({ arena, spinning, capabilities: { channelBlock }, blocksOf: graphOf });
  const optimizer = { name: 'sgd', options: { momentum: 0.9, weightDecay: 1e-4 } };
  const fused = isWhole(source);
  const specification = { ...source, microBatches: 4, fused, optimizer, seed: 1, threads };
  return subjectOf(source, engine, await engine.load(specification), fused);
}

async function measureAll(board: EmulatedBoard, quota: Quota): Promise<Found> {
  const own = subjects.filter(({ source }) => isWanted(board, source));
  const tours: Tour[] = [];
  quota.enter();
  const start = performance.now();
  const spent = () => (performance.now() - start) / 1000;
  while (tours.length < mostTours && (tours.length < leastTours || spent() < roundSeconds)) {
    tours.push(await tour(shuffled(own, start + tours.length)));
  }
  quota.leave();
  const times = timesOf(board, tours);
  const measured = own.flatMap(({ source, passes }) =>
    passes.map(({ pass }) => [source, pass, Number(times.get(keyOf(source, pass))!.toPrecision(4))] as const),
  );
  return { measured };
}

/**
 * Where the processor comes in slices, a single call is all within one or has several pauses: so it is its processor time,
 * times how long the board waits for a second of it.
 */
function timesOf({ quota, neighbour }: EmulatedBoard, tours: readonly Tour[]): ReadonlyMap<string, number> {
  const sliced = quota !== undefined || neighbour === 'sameCore';
  const paces = tours.map(({ secondsPerCpuSecond }) => secondsPerCpuSecond).toSorted((a, b) => a - b);
  const pace = paces[paces.length >> 1]!;
  return undisturbedTimes(
    tours.flatMap(({ visits }) =>
      [...visits].map(([key, { seconds, cpuSeconds }]) => ({ key, seconds: sliced ? pace * cpuSeconds : seconds })),
    ),
  );
}

function shuffled(all: readonly Subject[], number: number): readonly Subject[] {
  const random = randomStream(Math.round(number), 'order');
  return all
    .map((subject) => [random.uniform(), subject] as const)
    .sort(([a], [b]) => a - b)
    .map(([, subject]) => subject);
}

/** A whole calibration, as `flotilla calibrate` runs it. */
async function timeCalibration(board: EmulatedBoard, quota: Quota): Promise<Found> {
  const predictor = await readPredictor();
  quota.enter();
  const start = performance.now();
  const measurer = await startMeasurer();
  try {
    await calibrate(measurer, {
      board: board.name,
      threads: board.threads,
      budgetSeconds: calibrationBudget - (performance.now() - start) / 1000,
      predictor: predictors.adaptive,
      model: predictor.model,
      blocks: blockSources(calibrated),
      rows: halfSources(calibrated),
    });
    return { measured: [], calibrationSeconds: Number(((performance.now() - start) / 1000).toFixed(1)) };
  } finally {
    quota.leave();
    await measurer.close();
  }
}

interface Found {
  readonly measured: readonly Measured[];
  readonly calibrationSeconds?: number;
}

/** Adds a round to the board's file. */
async function addTo(board: EmulatedBoard, part: string, find: (quota: Quota) => Promise<Found>): Promise<void> {
  const start = performance.now();
  const found = await withQuota(board.quota, (quota) => withNeighbour(board.neighbour, quota, () => find(quota)));
  const seconds = Math.round((performance.now() - start) / 1000);
  const file = join(directory, `${board.name}.json`);
  const old: Recording | undefined = existsSync(file) ? parseRecording(readFileSync(file, 'utf8'), file) : undefined;
  const calibrationSeconds = found.calibrationSeconds ?? old?.calibrationSeconds;
  const recording: Recording = {
    board: board.name,
    channelBlock,
    engine: onnxRuntime,
    machine: `${cpus()[0]!.model}, ${availableParallelism()} cores, Node ${process.version}`,
    rounds: [
      ...(old?.rounds ?? []),
      {
        part,
        recorded: new Date().toISOString().slice(0, 16),
        commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
        seconds,
        loadAverage: Number(loadavg()[0]!.toFixed(2)),
      },
    ],
    ...(calibrationSeconds !== undefined && { calibrationSeconds }),
    rows: addRound(old?.rows ?? [], found.measured),
  };
  writeFileSync(file, formatRecording(recording));
  console.error(`${board.name} ${part}: ${found.measured.length} times in ${seconds} s`);
}

/** The rows of a recording with a round more. */
function addRound(rows: readonly RecordedRow[], measured: readonly Measured[]): readonly RecordedRow[] {
  const all = new Map(rows.map((row) => [keyOf(row.source, row.pass), row]));
  for (const [source, pass, seconds] of measured) {
    const key = keyOf(source, pass);
    all.set(key, { source, pass, seconds: [...(all.get(key)?.seconds ?? []), seconds] });
  }
  return [...all.values()].sort(
    ({ source: a }, { source: b }) =>
      a.model.localeCompare(b.model) ||
      a.microBatch - b.microBatch ||
      a.firstBlock - b.firstBlock ||
      a.lastBlock - b.lastBlock,
  );
}
