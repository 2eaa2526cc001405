import {
  afterMeasurements,
  calibrationOptimizerSlots,
  type DeviceProfile,
  type FittedModel,
  median,
  mostTelling,
  type Predictor,
  type ProfileMeasurement,
  passes,
  probeNames,
  probeSource,
  type Source,
  sameSource,
  type Work,
  worksOf,
} from '../../planner/index.ts';
import { CalibrationEmptyError } from './errors.ts';
import type { StageSeconds } from './measure.ts';
import type { Measurer } from './measurer.ts';

export interface CalibrationOptions<State> {
  readonly board: string;
  /** That the board trains with; the probe runs at one thread as well. */
  readonly threads: number;
  readonly budgetSeconds: number;
  /** How sure the predictor is decides which blocks are measured. */
  readonly predictor: Predictor<State>;
  readonly model: FittedModel;
  /** The model at hand, block by block; absent: the probe alone. */
  readonly blocks?: readonly Source[];
  /** How many of its blocks at most. */
  readonly mostBlocks?: number;
  /** Runs of blocks that are measured before the blocks, again where they are known. */
  readonly stages?: readonly Source[];
  /** Runs of blocks that are measured after the blocks, where half of the budget is left: they tell how blocks add up. */
  readonly rows?: readonly Source[];
  /** What was measured before: it is not measured again. */
  readonly known?: DeviceProfile;
  /** Asked a few times a second: true gives up the rest. */
  readonly isHot?: () => boolean;
  readonly signal?: AbortSignal;
  readonly progress?: (done: ProfileMeasurement) => void;
  /** Seconds, monotonic. */
  readonly clock?: () => number;
  /** Milliseconds since 1970. */
  readonly date?: () => number;
}

/** Degrees Celsius at which a board is too hot to measure, unless somebody says another limit. */
export const HOT_CELSIUS = 78;

/** Of the budget, at most, for the probe where blocks are to be measured too. */
const probeShare = 0.6;
const defaultBlocks = 6;
/** Of the budget: after this no row of blocks begins, which may take as long as all before it. */
const rowsBegin = 0.5;
const watchMilliseconds = 250;

/**
 * Measures a board: the probe, then the blocks of the model at hand that the predictor is least sure of, then rows of blocks.
 * Ends early, with what there is, when the budget is spent, the board gets hot, or the signal is given.
 * @throws CalibrationEmptyError where there is nothing
 */
export async function calibrate<State>(measurer: Measurer, options: CalibrationOptions<State>): Promise<DeviceProfile> {
  const { board, threads, budgetSeconds, clock = () => performance.now() / 1000, date = Date.now } = options;
  const start = clock();
  const watch = watchOver(measurer, options, () => clock() - start);
  try {
    const { known } = options;
    const copyBytesPerSecond = known?.copyBytesPerSecond ?? (await measurer.copy(Math.min(0.1, budgetSeconds / 50)));
    const measurements = [...(known?.measurements ?? [])];
    const before = measurements.length;
    let longest = 0;
    const take = async (source: Source, atThreads: number, { most, share } = ofBlock) => {
      const begun = clock();
      const left = budgetSeconds - (begun - start);
      watch.look(left < longest);
      if (watch.ended !== undefined) return;
      const taken = await measurer.measure(source, atThreads, Math.min(most, share * left));
      longest = Math.max(longest, clock() - begun);
      // What was under way when it had to end is cut short.
      if (watch.ended !== undefined && measurements.length > 0) return;
      const found = measurementsOf(source, atThreads, taken);
      measurements.push(...found);
      for (const measurement of found) options.progress?.(measurement);
    };
    const isKnown = (source: Source, atThreads: number) =>
      measurements.some((row) => row.threads === atThreads && sameSource(row, source));
    const missing: Take = async (source, atThreads) => {
      if (!isKnown(source, atThreads)) await take(source, atThreads);
    };
    const { stages = [], blocks } = options;
    const forProbe = (blocks === undefined && stages.length === 0 ? 1 : probeShare) * budgetSeconds;
    await runProbe(threads, missing, () => watch.ended === undefined && clock() - start < forProbe);
    for (const stage of stages) await take(stage, threads, ofStage);
    await measureBlocks(measurer, options, measurements, take, () => watch.ended === undefined);
    for (const row of options.rows ?? []) {
      if (!isKnown(row, threads) && clock() - start < rowsBegin * budgetSeconds) await take(row, threads, ofStage);
    }
    if (measurements.length === 0) throw new CalibrationEmptyError(watch.ended ?? 'the budget was too small');
    // Nothing new: what was known stands as it was.
    if (known !== undefined && measurements.length === before) return known;
    return {
      board,
      engine: measurer.engine,
      channelBlock: measurer.channelBlock,
      threads,
      copyBytesPerSecond,
      measuredAt: new Date(date()).toISOString(),
      seconds: clock() - start,
      ended: watch.ended ?? 'complete',
      measurements,
    };
  } finally {
    watch.close();
  }
}

/** Seconds of a measurement at most, and of what is left: longer ones say little more. */
const ofBlock = { most: 0.5, share: 1 / 20 };
/** A whole stage takes longer, and more depends on it. */
const ofStage = { most: 2, share: 1 / 6 };

type Take = (source: Source, threads: number) => Promise<void>;

/** The most telling probes come first; those at one thread tell what several threads bring. */
async function runProbe(threads: number, take: Take, goesOn: () => boolean): Promise<void> {
  for (const name of probeNames) {
    if (!goesOn()) return;
    await take(probeSource(name), threads);
  }
  if (threads === 1) return;
  for (const name of probeNames.slice(0, probesAtOneThread)) {
    if (!goesOn()) return;
    await take(probeSource(name), 1);
  }
}

const probesAtOneThread = 4;

async function measureBlocks<State>(
  { channelBlock }: Measurer,
  { predictor, model, blocks = [], mostBlocks = defaultBlocks, threads }: CalibrationOptions<State>,
  measurements: readonly ProfileMeasurement[],
  take: Take,
  goesOn: () => boolean,
): Promise<void> {
  const options = { capabilities: { channelBlock }, optimizerSlots: calibrationOptimizerSlots };
  const known = new Map<Source, readonly Work[]>(blocks.map((source) => [source, worksOf(source, options)]));
  let state = predictor.start(model);
  let learned = 0;
  const learn = () => {
    state = afterMeasurements(predictor, state, measurements.slice(learned), { threads, channelBlock });
    learned = measurements.length;
  };
  const isNew = (source: Source) => !measurements.some((row) => row.threads === threads && sameSource(row, source));
  const left = [...known.keys()].filter(isNew);
  for (let count = 0; count < mostBlocks && left.length > 0 && goesOn(); count++) {
    learn();
    const forwards = left.map((source) => known.get(source)![0]!);
    const [next] = left.splice(mostTelling(predictor, state, forwards), 1);
    await take(next!, threads);
  }
}

function measurementsOf(source: Source, threads: number, taken: StageSeconds): readonly ProfileMeasurement[] {
  return passes.flatMap((pass) => {
    const windows = taken[pass].toSorted((a, b) => a - b);
    if (windows.length === 0) return [];
    const at = (share: number) => windows[Math.round(share * (windows.length - 1))]!;
    const seconds = median(windows);
    return [{ ...source, pass, threads, seconds, spread: (at(0.75) - at(0.25)) / seconds }];
  });
}

/** Stops the measurer when the budget is spent, the board is hot, or the signal is given; `ended` tells which. */
function watchOver<State>(
  measurer: Measurer,
  { budgetSeconds, isHot, signal }: CalibrationOptions<State>,
  elapsed: () => number,
) {
  const watch = { ended: undefined as DeviceProfile['ended'] | undefined, look, close };
  const end = (why: DeviceProfile['ended']) => {
    watch.ended ??= why;
    measurer.stop();
  };
  const interrupt = () => end('interrupted');
  const timer = setInterval(look, watchMilliseconds);
  signal?.addEventListener('abort', interrupt, { once: true });
  if (signal?.aborted === true) interrupt();
  look();
  function look(spent = false): void {
    if (spent || elapsed() >= budgetSeconds) end('budget');
    else if (isHot?.() === true) end('hot');
  }
  function close(): void {
    clearInterval(timer);
    signal?.removeEventListener('abort', interrupt);
  }
  return watch;
}
