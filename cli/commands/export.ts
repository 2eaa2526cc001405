import { join } from 'node:path';
import { parametersOf, readCheckpoint } from '../../agent/index.ts';
import { buildModel, exportInference } from '../../models/index.ts';
import { defineCommand } from '../command.ts';
import { UsageError } from '../errors.ts';
import { required, text } from '../options/index.ts';
import { CHECKPOINTS } from '../runs/index.ts';
import { writeWhole } from '../train/files.ts';

export const exportCommand = defineCommand({
  name: 'export',
  summary: 'Write the ONNX inference model of a checkpoint.',
  options: {
    run: text('DIR', 'the directory of a run, whose newest checkpoint is taken'),
    checkpoint: text('PATH', 'a checkpoint'),
    out: required(text('FILE', 'the file to write')),
  },
  examples: ['flotilla export --run runs/my-run --out model.onnx'],
  async run({ options }, { output, interrupts }) {
    const { run, checkpoint } = options;
    if ((run === undefined) === (checkpoint === undefined)) {
      throw new UsageError('OPTION_VALUE', 'say which checkpoint: either --run DIR or --checkpoint PATH.');
    }
    const place = checkpoint ?? join(run!, CHECKPOINTS);
    const { path, state, tensors } = await readCheckpoint(place, { signal: interrupts.gentle });
    const { name, classes, inputShape } = state.model;
    const model = buildModel(name, { batch: 1, classes, inputShape });
    const weights = parametersOf(tensors);
    await writeWhole(options.out, exportInference(model, weights, state.data));
    output.line(`${options.out}: ${name} after step ${state.step} of run '${state.run}'.`);
    return { report: { file: options.out, model: name, run: state.run, step: state.step, checkpoint: path } };
  },
});
