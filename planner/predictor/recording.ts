import { zoo } from '../../models/index.ts';
import { mean, median } from '../statistics.ts';
import { PredictorFileError, PredictorTruncatedError } from './errors.ts';
import type { Trial, Trials } from './evaluate.ts';
import { parseObject } from './json.ts';
import type { EngineVersion } from './profile.ts';
import { roundPaces } from './round-paces.ts';
import { graphOf, isProbe, type Source, worksOf } from './source.ts';
import { blockWorks, passes, type Work, type WorkOptions } from './work/work.ts';

/** What one board took for the blocks of all models: what predictors are fitted and judged on. */
export interface Recording {
  readonly board: string;
  readonly channelBlock: 0 | 8 | 16;
  readonly engine: EngineVersion;
  readonly machine: string;
  /** What it was recorded in: when, by which program, how long, beside which load. */
  readonly rounds: readonly RecordedRound[];
  /** A whole calibration of the board, with the start of its thread. */
  readonly calibrationSeconds?: number;
  readonly rows: readonly RecordedRow[];
}

export interface RecordedRound {
  readonly part: string;
  /** ISO 8601. */
  readonly recorded: string;
  readonly commit: string;
  readonly seconds: number;
  readonly loadAverage: number;
}

/** `forwardBackward` is both as one, on the stage with the loss. */
export const recordedPasses = [...passes, 'forwardBackward'] as const;

export interface RecordedRow {
  readonly source: Source;
  readonly pass: (typeof recordedPasses)[number];
  /** One measurement a round, each after the whole model had been measured. */
  readonly seconds: readonly number[];
}

export const recordingVersion = 1;
const format = 'flotilla-recording';
const classes = 10;

/** A recording as text: a row is [model, first block, last block, micro-batch, pass, [seconds of each round]]. */
export function formatRecording({ rows, ...rest }: Recording): string {
  const lines = rows.map(({ source: { model, firstBlock, lastBlock, microBatch }, pass, seconds }) =>
    JSON.stringify([model, firstBlock, lastBlock, microBatch, pass, seconds]),
  );
  const head = JSON.stringify({ format, version: recordingVersion, ...rest }).slice(0, -1);
  return `${head},"rows":[\n${lines.join(',\n')}\n]}\n`;
}

/** @throws PredictorTruncatedError, PredictorFileError */
export function parseRecording(text: string, file: string): Recording {
  const fail = (problem: string) => new PredictorFileError(file, problem);
  const fields = parseObject(text, (problem) => new PredictorTruncatedError(file, problem), fail);
  if (fields.optional('format', (name) => fields.text(name)) !== format) throw fail('is no recording of a board');
  if (fields.number('version') !== recordingVersion) throw fail(`is not of version ${recordingVersion}`);
  const engine = fields.object('engine');
  const calibrationSeconds = fields.optional('calibrationSeconds', (name) => fields.number(name));
  return {
    board: fields.text('board'),
    channelBlock: fields.oneOf('channelBlock', [0, 8, 16]),
    engine: { name: engine.text('name'), version: engine.text('version') },
    machine: fields.text('machine'),
    rounds: fields.objects('rounds', (round) => ({
      part: round.text('part'),
      recorded: round.text('recorded'),
      commit: round.text('commit'),
      seconds: round.number('seconds'),
      loadAverage: round.number('loadAverage'),
    })),
    ...(calibrationSeconds !== undefined && { calibrationSeconds }),
    rows: fields.list('rows', readRow),
  };
}

function readRow(element: unknown, path: string, fail: (problem: string) => Error): RecordedRow {
  const row = Array.isArray(element) ? element : [];
  const [model, firstBlock, lastBlock, microBatch, pass, seconds] = row;
  const counts = [firstBlock, lastBlock, microBatch].every((count) => Number.isInteger(count) && count >= 0);
  const times = Array.isArray(seconds) && seconds.length > 0 && seconds.every((time) => time > 0);
  const known = recordedPasses.includes(pass);
  if (typeof model !== 'string' || !counts || !times || !known) throw fail(`has no measurement at '${path}'`);
  const inputShape = Object.hasOwn(zoo, model) ? zoo[model as keyof typeof zoo].sample : [];
  return { source: { model, classes, inputShape, firstBlock, lastBlock, microBatch }, pass, seconds };
}

export interface StageTrial {
  readonly source: Source;
  readonly pass: RecordedRow['pass'];
  readonly seconds: number;
  /** One measurement of the same. */
  readonly measured: number;
  /** Absent for forward and backward as one. */
  readonly work?: Work;
  /** Of each of its blocks alone. */
  readonly blocks: readonly (readonly Work[])[];
}

/** What a recording asks of a predictor: single blocks, probes, and stages of several blocks. */
export interface RecordedTrials extends Trials {
  readonly board: string;
  readonly channelBlock: 0 | 8 | 16;
  readonly stages: readonly StageTrial[];
}

/** The optimizer that recordings are made with keeps one tensor for each parameter (SGD with momentum). */
const optimizerSlots = 1;

/**
 * The time of a work is the geometric mean of the rounds, what a running board would have measured is the first round alone.
 * All are brought to the speed of the round in the middle: that of the host, which changes by a third within minutes, is
 * none of the board's.
 */
export function trialsOf({ board, channelBlock, rows }: Recording): RecordedTrials {
  const probes: Trial[] = [];
  const blocks: Trial[] = [];
  const stages: StageTrial[] = [];
  const options = { capabilities: { channelBlock }, optimizerSlots };
  const known = new Map<string, readonly Work[]>();
  const models = new Map<string, readonly (readonly Work[])[]>();
  const blocksOf = (source: Source) => {
    const key = `${source.model} ${source.microBatch}`;
    const all = models.get(key) ?? allBlocks(source, options);
    models.set(key, all);
    return all.slice(source.firstBlock, source.lastBlock + 1);
  };
  const paces = roundPaces(rows.map(({ seconds }) => seconds.map(Math.log)));
  for (const { source, pass, seconds: rounds } of rows) {
    const pace = paces(Math.log(median(rounds)));
    const logs = rounds.map((time, round) => Math.log(time) - pace[round]!);
    const key = `${source.model} ${source.firstBlock} ${source.lastBlock} ${source.microBatch}`;
    const works = known.get(key) ?? worksOf(source, options);
    known.set(key, works);
    const work = works.find((candidate) => candidate.pass === pass);
    if (work === undefined || source.firstBlock !== source.lastBlock) {
      stages.push({
        source,
        pass,
        seconds: Math.exp(mean(logs)),
        measured: Math.exp(logs[0]!),
        blocks: blocksOf(source),
        ...(work !== undefined && { work }),
      });
    } else
      (isProbe(source) ? probes : blocks).push({ work, seconds: Math.exp(mean(logs)), measured: Math.exp(logs[0]!) });
  }
  return { board, channelBlock, probes, blocks, stages };
}

function allBlocks(source: Source, options: WorkOptions): readonly (readonly Work[])[] {
  const { graph, blocks } = graphOf(source);
  return blockWorks(source.model, graph, blocks, options);
}

/**
 * The medians over works of how far the first round lies from the others' mean, as it is and but for the board's common
 * factor: what no predictor can know. Undefined where there is one round.
 */
export function noiseOf({ rows }: Recording): { readonly single: number; readonly centred: number } | undefined {
  const repeated = rows.filter(({ seconds }) => seconds.length > 1);
  if (repeated.length === 0) return undefined;
  const apart = repeated.map(({ seconds: [first, ...rest] }) => Math.log(first!) - mean(rest.map(Math.log)));
  const common = median(apart);
  return { single: median(apart.map(Math.abs)), centred: median(apart.map((value) => Math.abs(value - common))) };
}
