import { fitModel, formatPredictor, RecordingsError, samplesOf, trainedOn, trialsOf } from '../../planner/index.ts';
import { defineCommand } from '../command.ts';
import { required, text } from '../options/index.ts';
import { readRecordings } from '../predictor/files.ts';
import { writeWhole } from '../train/files.ts';

const leastBoards = 2;

export const predictorFit = defineCommand({
  name: 'predictor fit',
  summary: 'Fit a latency predictor on recordings of boards.',
  options: {
    recordings: required(text('DIR', 'the directory of the recordings, one file a board')),
    out: required(text('FILE', 'the predictor to write')),
  },
  examples: ['flotilla predictor fit --recordings bench/recordings --out predictor.json'],
  async run({ options }, { output }) {
    const recordings = await readRecordings(options.recordings);
    if (recordings.length < leastBoards) {
      throw new RecordingsError(`'${options.recordings}'`, recordings.length, leastBoards);
    }
    const model = fitModel(recordings.map(trialsOf).map(samplesOf));
    const origin = trainedOn(recordings);
    await writeWhole(options.out, formatPredictor({ trainedOn: origin, model }));
    output.line(`${options.out}: fitted on ${origin.boards.map(({ name }) => name).join(', ')}.`);
    return { report: { file: options.out, ...origin } };
  },
});
