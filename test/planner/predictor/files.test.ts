import test from 'ava';
import {
  checkEngine,
  type DeviceProfile,
  formatPredictor,
  formatProfile,
  formatRecording,
  noiseOf,
  type PredictorFile,
  parsePredictor,
  parseProfile,
  parseRecording,
  predictors,
  predictorVersion,
  probeSource,
  type Recording,
  stateOf,
  trialsOf,
  worksOf,
} from '../../../planner/index.ts';
import { aBoardLike, fleet, fleetModel, modelWorks, trueSeconds } from './boards.ts';

const file: PredictorFile = {
  trainedOn: {
    boards: fleet.map(({ name }) => ({ name, samples: 40 })),
    engine: 'onnxruntime 1.30.0',
    machine: 'imagined',
    recorded: '2026-01-01T00:00',
  },
  model: fleetModel(),
};
const text = formatPredictor(file);

test('a predictor that was written is read as it was, to five digits', (t) => {
  const read = parsePredictor(text, 'p.json');
  t.deepEqual(read.trainedOn, file.trainedOn);
  const { adaptive } = predictors;
  for (const work of modelWorks) {
    const [before, after] = [file.model, read.model].map((model) => adaptive.predict(adaptive.start(model), work));
    t.true(Math.abs(after!.seconds / before!.seconds - 1) < 1e-3, work.id);
  }
  t.is(formatPredictor(read), text);
});

const withVersion = (version: number) => text.replace(`"version": ${predictorVersion}`, `"version": ${version}`);

const damaged: readonly (readonly [title: string, text: string, code: string, says: RegExp])[] = [
  ['cut off', text.slice(0, text.length / 2), 'PREDICTOR_TRUNCATED', /p\.json.*truncated/],
  ['empty', '', 'PREDICTOR_TRUNCATED', /truncated/],
  ['newer than the program', withVersion(predictorVersion + 1), 'PREDICTOR_NEWER', /version 5.*version 4/],
  ['older than the program', withVersion(2), 'PREDICTOR_FILE', /version 2/],
  ['without numbers of shapes', text.replace('"sized":{', '"sized":{"a":"b",'), 'PREDICTOR_FILE', /effects\.sized/],
  ['of another format', '{"format":"something"}', 'PREDICTOR_FILE', /is no predictor/],
  ['without a format', '[1, 2]', 'PREDICTOR_FILE', /no object/],
  ['of other kinds', text.replace('"dense flops"', '"dense ops"'), 'PREDICTOR_FILE', /other kinds/],
  ['with a text for a number', text.replace(/"noise": \[[^\]]*\]/, '"noise": ["a",1,1]'), 'PREDICTOR_FILE', /noise/],
  ['with too few numbers', text.replace(/"noise": \[[^\]]*\]/, '"noise": [1]'), 'PREDICTOR_FILE', /3 numbers/],
  [
    'with a tree that leads back',
    text.replace(/"trees": \[[^\n]*/, '"trees": [{"feature":[0],"value":[1],"left":[0]},'),
    'PREDICTOR_FILE',
    /tree/,
  ],
];

for (const [title, content, code, says] of damaged) {
  test(`a predictor's file that is ${title} is refused by name`, (t) => {
    const error = t.throws(() => parsePredictor(content, 'p.json'), { message: says });
    t.like(error, { code, exitCode: 2 });
  });
}

test('what was written says which version it is', (t) => {
  t.regex(text, new RegExp(`"version": ${predictorVersion},`));
});

const source = { model: 'mlp', classes: 10, inputShape: [3, 32, 32], firstBlock: 1, lastBlock: 1, microBatch: 8 };
const profile: DeviceProfile = {
  board: 'pi-1',
  engine: { name: 'onnxruntime', version: '1.30.0' },
  channelBlock: 8,
  threads: 2,
  copyBytesPerSecond: 3e9,
  measuredAt: '2026-01-01T00:00:00.000Z',
  seconds: 12.5,
  ended: 'complete',
  measurements: [
    { ...probeSource('conv64'), pass: 'forward', threads: 2, seconds: 0.004, spread: 0.05 },
    { ...source, pass: 'backward', threads: 2, seconds: 0.001, spread: 0.1 },
    { ...source, cuts: 'double', pass: 'backward', threads: 2, seconds: 0.001, spread: 0.1 },
    { ...source, pass: 'forward', threads: 1, seconds: 9, spread: 0.1 },
  ],
};

test('a profile that was written is read as it was', (t) => {
  t.deepEqual(parseProfile(formatProfile(profile), 'profile.json'), profile);
});

test('a profile that is cut off, or holds something else, is refused by name', (t) => {
  const cut = t.throws(() => parseProfile(formatProfile(profile).slice(0, -20), 'x.json'));
  t.like(cut, { code: 'PREDICTOR_TRUNCATED', exitCode: 2 });
  t.like(
    t.throws(() => parseProfile(text, 'x.json')),
    { code: 'PREDICTOR_FILE', exitCode: 2 },
  );
  const odd = formatProfile(profile).replace('"channelBlock":8', '"channelBlock":7');
  t.throws(() => parseProfile(odd, 'x.json'), { message: /channelBlock.*0 or 8 or 16/ });
});

test('a profile of another engine is refused with both versions', (t) => {
  t.notThrows(() => checkEngine(profile, { name: 'onnxruntime', version: '1.30.0' }));
  const error = t.throws(() => checkEngine(profile, { name: 'onnxruntime', version: '1.31.0' }), {
    message: /pi-1.*1\.30\.0.*1\.31\.0.*calibrate/,
  });
  t.like(error, { code: 'PROFILE_ENGINE', exitCode: 2 });
});

test('a profile is learned from, but for what was measured at another number of threads', (t) => {
  const { adaptive } = predictors;
  const board = aBoardLike({ secondsPerFlop: 1e-9, secondsPerByte: 4e-9, secondsPerCall: 2e-4 });
  const options = { capabilities: { channelBlock: 8 as const }, optimizerSlots: 1 };
  const measurements = (['conv64', 'elementwise', 'dispatch'] as const).flatMap((name) =>
    worksOf(probeSource(name), options).map((work) => ({
      ...probeSource(name),
      pass: work.pass,
      threads: 2,
      seconds: trueSeconds(board, work),
      spread: 0,
    })),
  );
  const known = stateOf(adaptive, file.model, {
    ...profile,
    measurements: [...measurements, profile.measurements.at(-1)!],
  });
  const errors = modelWorks.map((work) =>
    Math.abs(adaptive.predict(known, work).seconds / trueSeconds(board, work) - 1),
  );
  t.true(errors.toSorted((a, b) => a - b)[errors.length >> 1]! < 0.3);
});

const recording: Recording = {
  board: 'full',
  channelBlock: 8,
  engine: profile.engine,
  machine: 'imagined',
  rounds: [{ part: 'blocks', recorded: '2026-01-01T00:00', commit: 'abc', seconds: 30, loadAverage: 0.5 }],
  calibrationSeconds: 20,
  rows: [
    { source: probeSource('conv64'), pass: 'forward', seconds: [0.1, 0.2, 0.15] },
    { source, pass: 'update', seconds: [0.2, 0.4, 0.3] },
    { source: { ...source, firstBlock: 0, lastBlock: 3 }, pass: 'forwardBackward', seconds: [1, 2, 1.65] },
  ],
};

test('a recording that was written gives the same trials: the mean of the rounds and the first round, at one speed', (t) => {
  const trials = trialsOf(parseRecording(formatRecording(recording), 'r.json'));
  t.deepEqual(
    [...trials.probes, ...trials.blocks].map(({ work, seconds, measured }) => [
      work.id,
      seconds.toFixed(4),
      measured.toFixed(4),
    ]),
    [
      ['probe/conv64/1 forward 4', '0.1442', '0.1442'],
      ['mlp/1 update 8', '0.2884', '0.2884'],
    ],
  );
  t.is(trials.stages[0]!.pass, 'forwardBackward');
  // the rounds took 2/3, 4/3 and 1 of the works' middles, (8/9)^⅓ in the mean: 1 · 2 · 1.65 and 1 / (2/3) of that speed
  t.is(trials.stages[0]!.seconds.toFixed(4), Math.cbrt(3.3).toFixed(4));
  t.is(trials.stages[0]!.measured.toFixed(4), (1.5 * Math.cbrt(8 / 9)).toFixed(4));
});

test('the noise of a recording is how far its first round lies from the others', (t) => {
  const { single, centred } = noiseOf(recording)!;
  t.is(single.toFixed(3), Math.log(Math.sqrt(0.2 * 0.15) / 0.1).toFixed(3));
  t.true(centred < 1e-9 && noiseOf({ ...recording, rows: [] }) === undefined);
});

test('a recording with a row that is none is refused with its place', (t) => {
  const odd = formatRecording(recording).replace('[0.2,0.4,0.3]', '[-0.2]');
  t.throws(() => parseRecording(odd, 'r.json'), { message: /r\.json.*rows\[1\]/ });
});
