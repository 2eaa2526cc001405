import { formatPredictor } from '../../planner/index.ts';
import { defineCommand } from '../command.ts';
import { required, text } from '../options/index.ts';
import { readPredictor } from '../predictor/files.ts';
import { writeWhole } from '../train/files.ts';

export const predictorExport = defineCommand({
  name: 'predictor export',
  summary: 'Write the latency predictor that Flotilla brings along, and tell what it was trained on.',
  options: {
    predictor: text('FILE', 'another predictor, which is read and checked'),
    out: required(text('FILE', 'the file to write')),
  },
  examples: ['flotilla predictor export --out predictor.json'],
  async run({ options }, { output }) {
    const file = await readPredictor(options.predictor);
    const { boards, engine, machine, recorded } = file.trainedOn;
    await writeWhole(options.out, formatPredictor(file));
    output.line(
      `${options.out}: trained on ${boards.length} boards with ${engine}, recorded ${recorded} on ${machine}:`,
    );
    for (const { name, samples } of boards) output.line(`  ${name}: ${samples} times`);
    return { report: { file: options.out, ...file.trainedOn } };
  },
});
