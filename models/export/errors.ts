import { ModelError } from '../errors.ts';

/** The weights that were handed over are not those of the model. */
export class ExportWeightsError extends ModelError {
  constructor(model: string, parameter: string, problem: string) {
    super(
      'EXPORT_WEIGHTS',
      `cannot export model '${model}': parameter '${parameter}' ${problem}. Export the weights of this very model, ` +
        'from a checkpoint whose loss was finite.',
    );
  }
}

/** Class names or a normalisation that do not belong to the model's input and output. */
export class ExportMetadataError extends ModelError {
  constructor(model: string, problem: string) {
    super('EXPORT_METADATA', `model '${model}' ${problem}. Export with the data set that it was trained on.`);
  }
}

/** A graph that works for one batch size only, which a file with a free batch axis cannot say. */
export class FixedBatchError extends ModelError {
  constructor(model: string, problem: string) {
    super(
      'EXPORT_FIXED_BATCH',
      `cannot export model '${model}' for any batch size: ${problem}. Write the model so that the batch stays the ` +
        'leading axis of every activation and is no size in any attribute.',
    );
  }
}

/** An ONNX file that says nothing of what its inputs and outputs mean. */
export class InferenceMetadataError extends ModelError {
  constructor(problem: string) {
    super(
      'ONNX_METADATA',
      `this ONNX file was not exported by Flotilla: ${problem}. Give a file that \`flotilla export\` wrote.`,
    );
  }
}
