import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_DATA, evaluate, openDataSet } from '../../agent/index.ts';
import { decodeOnnx, InputMismatchError, ModelError, readMetadata } from '../../models/index.ts';
import { defineCommand } from '../command.ts';
import { PathError, UsageError } from '../errors.ts';
import { text } from '../options/index.ts';
import { MODEL_FILE, RUN_FILE } from '../runs/index.ts';
import { percent } from '../train/closing-table.ts';

export const evaluateCommand = defineCommand({
  name: 'eval',
  summary: 'Measure the accuracy of an exported model on the test data.',
  options: {
    onnx: text('FILE', 'the exported model'),
    run: text('DIR', 'the directory of a run, whose model is taken'),
    data: text('DIR', "a directory of data, or 'shapes'; when not given, the data of the run, or 'shapes'"),
  },
  examples: ['flotilla eval --onnx runs/my-run/model.onnx --data ./cifar10', 'flotilla eval --run runs/my-run'],
  async run({ options }, { output, interrupts }) {
    const file = options.onnx ?? (options.run === undefined ? undefined : join(options.run, MODEL_FILE));
    if (file === undefined) throw new UsageError('OPTION_VALUE', 'say which model: --onnx FILE or --run DIR.');
    const onnx = await readFile(file).catch((error) => {
      throw new PathError(file, 'cannot be read', { cause: error });
    });
    const { sampleShape, normalization, model } = metadataOf(file, onnx);
    const data = options.data ?? (await dataOfRun(options.run)) ?? DEFAULT_DATA;
    const test = await openDataSet(data, { split: 'test', normalization, signal: interrupts.gentle });
    if (test.inputShape.join() !== sampleShape.join()) {
      throw new InputMismatchError(model, sampleShape, test.inputShape, data);
    }
    const result = await evaluate(onnx, test, interrupts.gentle);
    output.line(`${file}: ${percent(result.accuracy)} right (${result.correct} of ${result.samples} test samples).`);
    return { report: { file, model, data, ...result } };
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

/** What the run was trained on, as its own file says; undefined where there is no such run or file. */
async function dataOfRun(run: string | undefined): Promise<string | undefined> {
  if (run === undefined) return undefined;
  const file = await readFile(join(run, RUN_FILE), 'utf8').catch(() => undefined);
  return file === undefined ? undefined : JSON.parse(file).plan?.data?.name;
}
