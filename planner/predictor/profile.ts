import { cutKinds } from '../../models/index.ts';
import type { FittedModel } from './base/fit.ts';
import { PredictorFileError, PredictorTruncatedError, ProfileEngineError } from './errors.ts';
import { type Fields, parseObject } from './json.ts';
import { partsOf, type Source, sameSource, worksOf } from './source.ts';
import type { Predictor } from './types.ts';
import { type Pass, passes, type Work } from './work/work.ts';

export interface EngineVersion {
  readonly name: string;
  readonly version: string;
}

/** One time that a board took by itself. */
export interface ProfileMeasurement extends Source {
  readonly pass: Pass;
  readonly threads: number;
  /** Median of windows. */
  readonly seconds: number;
  /** Distance between the quartiles of the windows ÷ their median. */
  readonly spread: number;
}

/** What a board has measured of itself: a probe, and some blocks of a model. Kept on its disk. */
export interface DeviceProfile {
  readonly board: string;
  readonly engine: EngineVersion;
  readonly channelBlock: 0 | 8 | 16;
  /** Threads that the board trains with. */
  readonly threads: number;
  /** Of a plain copy between two arrays that no cache holds. */
  readonly copyBytesPerSecond: number;
  /** ISO 8601. */
  readonly measuredAt: string;
  /** How long it took. */
  readonly seconds: number;
  /** Why it ended before all was measured, if so. */
  readonly ended: 'complete' | 'budget' | 'hot' | 'interrupted';
  readonly measurements: readonly ProfileMeasurement[];
}

export const profileVersion = 1;
const format = 'flotilla-profile';

export function formatProfile(profile: DeviceProfile): string {
  const { measurements, ...rest } = profile;
  const head = JSON.stringify({ format, version: profileVersion, ...rest }).slice(0, -1);
  return `${head},"measurements":[\n${measurements.map((row) => JSON.stringify(row)).join(',\n')}\n]}\n`;
}

/** @throws PredictorTruncatedError, PredictorFileError */
export function parseProfile(text: string, file: string): DeviceProfile {
  const fail = (problem: string) => new PredictorFileError(file, problem);
  const fields = parseObject(text, (problem) => new PredictorTruncatedError(file, problem), fail);
  if (fields.optional('format', (name) => fields.text(name)) !== format) throw fail('is no profile of a board');
  if (fields.number('version') !== profileVersion) throw fail(`is not of version ${profileVersion}`);
  const engine = fields.object('engine');
  return {
    board: fields.text('board'),
    engine: { name: engine.text('name'), version: engine.text('version') },
    channelBlock: fields.oneOf('channelBlock', [0, 8, 16]),
    threads: fields.number('threads'),
    copyBytesPerSecond: fields.number('copyBytesPerSecond'),
    measuredAt: fields.text('measuredAt'),
    seconds: fields.number('seconds'),
    ended: fields.oneOf('ended', ['complete', 'budget', 'hot', 'interrupted']),
    measurements: fields.objects('measurements', readMeasurement),
  };
}

function readMeasurement(fields: Fields): ProfileMeasurement {
  const cuts = fields.optional('cuts', (name) => fields.oneOf(name, cutKinds));
  return {
    model: fields.text('model'),
    classes: fields.number('classes'),
    inputShape: fields.numbers('inputShape'),
    ...(cuts !== undefined && { cuts }),
    firstBlock: fields.number('firstBlock'),
    lastBlock: fields.number('lastBlock'),
    microBatch: fields.number('microBatch'),
    pass: fields.oneOf('pass', passes),
    threads: fields.number('threads'),
    seconds: fields.number('seconds'),
    spread: fields.number('spread'),
  };
}

/** @throws ProfileEngineError where the profile says nothing of this engine */
export function checkEngine({ board, engine }: Pick<DeviceProfile, 'board' | 'engine'>, wanted: EngineVersion): void {
  if (engine.name === wanted.name && engine.version === wanted.version) return;
  throw new ProfileEngineError(board, `${engine.name} ${engine.version}`, `${wanted.name} ${wanted.version}`);
}

/** Values kept for each parameter by the optimizer that calibration updates with (SGD with momentum). */
export const calibrationOptimizerSlots = 1;

/** What a predictor knows of a board after its profile. */
export function stateOf<State>(predictor: Predictor<State>, model: FittedModel, profile: DeviceProfile): State {
  return afterMeasurements(predictor, predictor.start(model), profile.measurements, profile);
}

/** The state after more measurements. Those at another number of threads are left out. */
export function afterMeasurements<State>(
  predictor: Predictor<State>,
  before: State,
  measurements: readonly ProfileMeasurement[],
  { threads, channelBlock }: Pick<DeviceProfile, 'threads' | 'channelBlock'>,
): State {
  const options = { capabilities: { channelBlock }, optimizerSlots: calibrationOptimizerSlots };
  let state = before;
  let last: { readonly source: Source; readonly works: readonly Work[]; readonly blocks: readonly Work[] } | undefined;
  for (const measurement of measurements) {
    if (measurement.threads !== threads) continue;
    // The passes of a source follow each other.
    if (last === undefined || !sameSource(last.source, measurement)) {
      last = { source: measurement, works: worksOf(measurement, options), blocks: partsOf(measurement, options) };
    }
    const work = last.works.find(({ pass }) => pass === measurement.pass);
    const parts = last.blocks.filter(({ pass }) => pass === measurement.pass && pass !== 'update');
    const { seconds } = measurement;
    if (work !== undefined)
      state = predictor.observe(state, { work, seconds, ...(parts.length > 1 && { parts }) }).state;
  }
  return state;
}
