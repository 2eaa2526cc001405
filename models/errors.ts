/** What is wrong with a model as it was asked for: the user's to mend, hence exit code 2. */
export class ModelError extends Error {
  readonly code: string;
  readonly exitCode = 2;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'ModelError';
    this.code = code;
  }
}

export class ShapeError extends ModelError {
  constructor(op: string, name: string, problem: string) {
    super('MODEL_SHAPE', `${op} '${name}': ${problem}`);
  }
}

export class UnknownModelError extends ModelError {
  constructor(model: string, known: readonly string[]) {
    super('MODEL_UNKNOWN', `unknown model '${model}': choose one of ${known.join(', ')}`);
  }
}

export class UnknownCutsError extends ModelError {
  constructor(cuts: string, known: readonly string[]) {
    super('MODEL_CUTS', `unknown cuts '${cuts}': choose one of ${known.join(', ')}`);
  }
}

export class InputMismatchError extends ModelError {
  constructor(model: string, wants: readonly number[], found: readonly number[], dataSet: string) {
    super(
      'MODEL_INPUT_MISMATCH',
      `model '${model}' takes inputs of shape [${wants.join(', ')}], but '${dataSet}' has [${found.join(', ')}]: ` +
        'choose another model or another data set',
    );
  }
}

export class OnnxFormatError extends ModelError {
  constructor(problem: string) {
    super('ONNX_FORMAT', `not a model that Flotilla can read: ${problem}`);
  }
}
