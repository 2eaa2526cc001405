import type { FittedModel } from './base/fit.ts';
import { noiseClasses } from './base/fit.ts';
import { featureCount, featureNames } from './base/model.ts';
import type { Pattern } from './base/patterns.ts';
import type { ShapeEffects } from './base/shapes.ts';
import type { Tree } from './base/trees.ts';
import type { Within } from './base/within.ts';
import { PredictorFileError, PredictorNewerError, PredictorTruncatedError } from './errors.ts';
import { type Fields, parseObject } from './json.ts';
import type { Recording } from './recording.ts';
import { kinds } from './work/kinds.ts';

/** The version of the file's format. */
export const predictorVersion = 4;
const format = 'flotilla-predictor';

/** What a predictor was fitted on. */
export interface TrainedOn {
  readonly boards: readonly { readonly name: string; readonly samples: number }[];
  readonly engine: string;
  readonly machine: string;
  /** ISO 8601, of the newest recording. */
  readonly recorded: string;
}

/** A predictor with its origin, as it stands in a file. */
export interface PredictorFile {
  readonly trainedOn: TrainedOn;
  readonly model: FittedModel;
}

const short = (value: number) => Number(value.toPrecision(5));

const shortAll = (values: ReadonlyMap<string, number>) =>
  Object.fromEntries([...values].map(([name, value]) => [name, short(value)]));

export function formatPredictor({ trainedOn, model }: PredictorFile): string {
  const { base, prior, noise, within, rows: rowEffects } = model;
  const rows = {
    format,
    version: predictorVersion,
    trainedOn,
    kinds,
    features: featureNames,
    unitSeconds: [...base.unitSeconds].map(short),
    priorMean: [...prior.mean].map(short),
    priorCovariance: [...prior.covariance].map((value) => Number(value.toPrecision(8))),
    noise: noise.map(short),
    within: {
      forward: short(within.border.forward),
      backward: short(within.border.backward),
      rest: short(within.rest),
    },
    rows: shortAll(rowEffects),
    effects: {
      variance: short(base.effects.variance),
      shapes: shortAll(base.effects.shapes),
      sized: shortAll(base.effects.sized),
    },
    patterns: Object.fromEntries([...base.patterns].map(([name, pattern]) => [name, pattern.map(short)])),
    trees: base.trees.map(({ feature, value, left }) => ({ feature, value: value.map(short), left })),
  };
  const lines = Object.entries(rows).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(',\n').replaceAll('},{"feature"', '},\n    {"feature"')}\n}\n`;
}

/** @throws PredictorTruncatedError, PredictorNewerError, PredictorFileError */
export function parsePredictor(text: string, file: string): PredictorFile {
  const fail = (problem: string) => new PredictorFileError(file, problem);
  const fields = parseObject(text, (problem) => new PredictorTruncatedError(file, problem), fail);
  if (fields.optional('format', (name) => fields.text(name)) !== format) throw fail('is no predictor');
  const version = fields.number('version');
  if (version > predictorVersion) throw new PredictorNewerError(file, version, predictorVersion);
  if (version !== predictorVersion) throw fail(`has version ${version}, which this Flotilla does not read any more`);
  requireSame(fields.texts('kinds'), kinds, 'kinds of effort', fail);
  requireSame(fields.texts('features'), featureNames, 'features', fail);
  return {
    trainedOn: readTrainedOn(fields.object('trainedOn')),
    model: {
      base: {
        unitSeconds: Float64Array.from(fields.numbers('unitSeconds', kinds.length)),
        trees: fields.objects('trees', (tree) => readTree(tree, fail)),
        effects: readEffects(fields.object('effects')),
        patterns: new Map(fields.entries('patterns', (of, name) => of.numbers(name, 2) as unknown as Pattern)),
      },
      prior: {
        mean: Float64Array.from(fields.numbers('priorMean', featureCount)),
        covariance: Float64Array.from(fields.numbers('priorCovariance', featureCount ** 2)),
      },
      noise: fields.numbers('noise', noiseClasses),
      within: readWithin(fields.object('within')),
      rows: readNumbers(fields, 'rows'),
    },
  };
}

function requireSame(found: readonly string[], known: readonly string[], what: string, fail: (text: string) => Error) {
  if (found.join() !== known.join()) throw fail(`knows other ${what} than this Flotilla`);
}

function readTrainedOn(fields: Fields): TrainedOn {
  return {
    boards: fields.objects('boards', (board) => ({ name: board.text('name'), samples: board.number('samples') })),
    engine: fields.text('engine'),
    machine: fields.text('machine'),
    recorded: fields.text('recorded'),
  };
}

function readWithin(fields: Fields): Within {
  return {
    border: { forward: fields.number('forward'), backward: fields.number('backward') },
    rest: fields.number('rest'),
  };
}

const readNumbers = (fields: Fields, name: string) => new Map(fields.entries(name, (of, each) => of.number(each)));

function readEffects(fields: Fields): ShapeEffects {
  return {
    variance: fields.number('variance'),
    shapes: readNumbers(fields, 'shapes'),
    sized: readNumbers(fields, 'sized'),
  };
}

/** Children lie behind their parent, so that every walk ends. */
function readTree(fields: Fields, fail: (problem: string) => Error): Tree {
  const feature = fields.numbers('feature');
  const value = fields.numbers('value', feature.length);
  const left = fields.numbers('left', feature.length);
  const sound = feature.every(
    (asked, node) =>
      asked < 0 || (left[node]! > node && left[node]! + 1 < feature.length && Number.isInteger(left[node])),
  );
  if (!sound || feature.length === 0) throw fail('has a tree whose nodes do not lead to leaves');
  return { feature, value, left };
}

/** Where a predictor comes from that is fitted on these recordings. */
export function trainedOn(recordings: readonly Recording[]): TrainedOn {
  const all = (values: readonly string[]) => [...new Set(values)].join('; ');
  return {
    boards: recordings.map(({ board, rows }) => ({ name: board, samples: rows.length })),
    engine: all(recordings.map(({ engine }) => `${engine.name} ${engine.version}`)),
    machine: all(recordings.map(({ machine }) => machine)),
    recorded:
      recordings
        .flatMap(({ rounds }) => rounds.map(({ recorded }) => recorded))
        .toSorted()
        .at(-1) ?? '',
  };
}
