import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type BoardReport,
  defaultFitOptions,
  fitModel,
  learnAll,
  leaveOneBoardOut,
  noiseOf,
  parseRecording,
  predictors,
  type RecordedTrials,
  type Recording,
  relativeErrors,
  samplesOf,
  trialsOf,
} from '../planner/index.ts';
import { boards as emulated } from './predictor/boards.ts';
import { record } from './predictor/record.ts';
import { median } from './statistics.ts';

const directory = join(import.meta.dirname, 'recordings');

/**
 * How well boards that were not trained on are predicted, from recordings of emulated boards. Numbers are defined in
 * METHODOLOGY.md. With `--record` rounds are added to the recordings first.
 */
export async function predictorBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      record: { type: 'boolean', default: false },
      boards: { type: 'string', default: emulated.map(({ name }) => name).join() },
      rounds: { type: 'string', default: '3' },
      lock: { type: 'string' },
      recordings: { type: 'string', default: directory },
      json: { type: 'boolean', default: false },
    },
  });
  if (values.record) {
    const { recordings: to, lock } = values;
    await record({ directory: to, names: values.boards.split(','), rounds: Number(values.rounds), lock });
  }
  const recordings = await readRecordings(values.recordings);
  say(recordings);
  const boards = recordings.map(trialsOf);
  const reports = leaveOneBoardOut(boards, defaultFitOptions, (report) => console.error(line(report)));
  return summary(recordings, boards, reports);
}

async function readRecordings(from: string): Promise<readonly Recording[]> {
  const files = (await readdir(from)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    files.map(async (name) => parseRecording(await readFile(join(from, name), 'utf8'), join(from, name))),
  );
}

/** Numbers that nothing was recorded for are null. */
function summary(
  recordings: readonly Recording[],
  boards: readonly RecordedTrials[],
  reports: readonly BoardReport[],
): Readonly<Record<string, number | null>> {
  const over = (of: (report: BoardReport) => number) => mean(reports.map(of).filter(Number.isFinite));
  const blocks = new Set(boards.flatMap((board) => board.blocks.map(({ work }) => blockOf(work.id))));
  const calibrations = recordings.flatMap(({ calibrationSeconds }) => calibrationSeconds ?? []);
  const noises = recordings.flatMap((recording) => noiseOf(recording) ?? []);
  const noise = (kind: keyof (typeof noises)[number]) => mean(noises.map((each) => each[kind]));
  return {
    boards: boards.length,
    blocks: blocks.size,
    mapeSeen: errorOnSeenBoards(boards),
    mapeUnseen0: over(({ unseen }) => unseen[0]),
    mapeUnseen10: over(({ unseen }) => unseen[10]),
    mapeUnseen100: over(({ unseen }) => unseen[100]),
    within10At100: over(({ within10 }) => within10),
    scalarAt10: over(({ baselines }) => baselines.scalar),
    rooflineAt10: over(({ baselines }) => baselines.roofline),
    roundNoise: noise('single'),
    roundNoiseCentred: noise('centred'),
    stageMape: over(({ stages }) => stages),
    stageMapeByBlocks: over(({ stagesByBlocks }) => stagesByBlocks),
    calibrationSeconds: calibrations.length === 0 ? null : Math.max(...calibrations),
    ...timeCalls(boards),
  };
}

const folds = 5;

/** Boards that were trained on, blocks that were not: every fifth block of all boards is left out in turn. */
function errorOnSeenBoards(boards: readonly RecordedTrials[]): number | null {
  const { adaptive } = predictors;
  const names = [...new Set(boards.flatMap(({ blocks }) => blocks.map(({ work }) => blockOf(work.id))))];
  const errors = Array.from({ length: folds }, (_, fold) => {
    const isLeftOut = (id: string) => names.indexOf(blockOf(id)) % folds === fold;
    const known = boards.map((board) => ({ ...board, blocks: board.blocks.filter(({ work }) => !isLeftOut(work.id)) }));
    const model = fitModel(known.map(samplesOf));
    return boards.flatMap((board, index) => {
      const { probes, blocks } = known[index]!;
      const state = learnAll(adaptive, adaptive.start(model), [...probes, ...blocks]);
      const leftOut = board.blocks.filter(({ work }) => isLeftOut(work.id));
      return relativeErrors(adaptive, state, leftOut);
    });
  });
  return mean(errors.flat());
}

/** 'resnet18/3' of 'resnet18/3 forward 16'. */
const blockOf = (id: string) => id.split(' ')[0]!;

const timedRounds = 30;

/** Medians over rounds of the mean time of a call, with a state that has seen all blocks of a board. */
function timeCalls(boards: readonly RecordedTrials[]) {
  const { adaptive } = predictors;
  const [board] = boards as [RecordedTrials];
  const model = fitModel(boards.map(samplesOf));
  let state = learnAll(adaptive, adaptive.start(model), board.blocks);
  const timed = (call: (index: number) => void) => {
    const rounds = Array.from({ length: timedRounds }, () => {
      const start = performance.now();
      for (const index of board.blocks.keys()) call(index);
      return (1000 * (performance.now() - start)) / board.blocks.length;
    });
    return Math.round(100 * median(rounds)) / 100;
  };
  return {
    predictMicros: timed((index) => adaptive.predict(state, board.blocks[index]!.work)),
    observeMicros: timed((index) => {
      const { work, measured } = board.blocks[index]!;
      state = adaptive.observe(state, { work, seconds: measured }).state;
    }),
  };
}

function say(recordings: readonly Recording[]): void {
  const all = (of: (recording: Recording) => readonly string[]) =>
    [...new Set(recordings.flatMap(of))].sort().join(', ');
  const days = all(({ rounds }) => rounds.map(({ recorded }) => recorded.slice(0, 10)));
  const commits = all(({ rounds }) => rounds.map(({ commit }) => commit));
  console.error(`${recordings.length} boards recorded ${days} at ${commits} on ${all(({ machine }) => [machine])}`);
  console.error(
    'mean error after the probe and 0, 10, 100 blocks; of stages, and by blocks alone; of scalar and roofline after 10',
  );
}

function line({ board, unseen, stages, stagesByBlocks, baselines }: BoardReport): string {
  const percent = (value: number) => (Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : '–').padStart(9);
  const figures = [unseen[0], unseen[10], unseen[100], stages, stagesByBlocks, baselines.scalar, baselines.roofline];
  return board.padEnd(34) + figures.map(percent).join('');
}

function mean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  return Math.round((1e4 * values.reduce((sum, value) => sum + value, 0)) / values.length) / 1e4;
}
