import { decodeOnnx, inferenceNames, readMetadata } from '../models/index.ts';
import { type DataSet, orderedBatches } from './data/index.ts';
import { openInference } from './engine/index.ts';

export interface Accuracy {
  readonly correct: number;
  readonly samples: number;
  /** 0 to 1. */
  readonly accuracy: number;
}

const batch = 64;

/** Which share of a data set an exported model names rightly. The data must be normalised as the model was trained. */
export async function evaluate(onnx: Uint8Array, dataSet: DataSet, signal?: AbortSignal): Promise<Accuracy> {
  const { sampleShape } = readMetadata(decodeOnnx(onnx));
  const inference = await openInference(onnx, inferenceNames);
  let correct = 0;
  let samples = 0;
  try {
    for (const { images, labels } of orderedBatches(dataSet, batch)) {
      signal?.throwIfAborted();
      const scores = await inference.run([labels.length, ...sampleShape], images);
      const classes = scores.length / labels.length;
      labels.forEach((label, row) => {
        if (largest(scores.subarray(row * classes, (row + 1) * classes)) === label) correct += 1;
      });
      samples += labels.length;
    }
  } finally {
    await inference.release();
  }
  return { correct, samples, accuracy: samples === 0 ? 0 : correct / samples };
}

function largest(scores: Float32Array): number {
  return scores.reduce((best, score, index) => (score > scores[best]! ? index : best), 0);
}
