import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { evaluate, openDataSet } from '../../agent/index.ts';
import { decodeOnnx, InputMismatchError, ModelError, readMetadata } from '../../models/index.ts';
import { defineCommand } from '../command.ts';
import { PathError, UsageError } from '../errors.ts';
import { text, withDefault } from '../options/index.ts';
import { percent } from '../train/closing-table.ts';
import { MODEL_FILE } from '../train/files.ts';

export const evaluateCommand = defineCommand({
  name: 'eval',
  summary: 'Measure the accuracy of an exported model on the test data.',
  options: {
    onnx: text('FILE', 'the exported model'),
    run: text('DIR', 'the directory of a run, whose model is taken'),
    data: withDefault(text('DIR', "a directory of data, or 'shapes'"), 'shapes'),
  },
  examples: ['flotilla eval --onnx runs/my-run/model.onnx --data ./cifar10', 'flotilla eval --run runs/my-run'],
  async run({ options }, { output, interrupts }) {
    const file = options.onnx ?? (options.run === undefined ? undefined : join(options.run, MODEL_FILE));
    if (file === undefined) throw new UsageError('OPTION_VALUE', 'say which model: --onnx FILE or --run DIR.');
    const onnx = await readFile(file).catch((error) => {
      throw new PathError(file, 'cannot be read', { cause: error });
    });
    const { sampleShape, normalization, model } = metadataOf(file, onnx);
    const test = await openDataSet(options.data, { split: 'test', normalization, signal: interrupts.gentle });
    if (test.inputShape.join() !== sampleShape.join()) {
      throw new InputMismatchError(model, sampleShape, test.inputShape, options.data);
    }
    const result = await evaluate(onnx, test, interrupts.gentle);
    output.line(`${file}: ${percent(result.accuracy)} right (${result.correct} of ${result.samples} test samples).`);
    return { report: { file, model, data: options.data, ...result } };
  },
});

/** @throws PathError where the file is no model of ours */
function metadataOf(file: string, onnx: Uint8Array) {
  try {
    return readMetadata(decodeOnnx(onnx));
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new PathError(file, `cannot be measured: ${error.message}`, { cause: error });
  }
}
