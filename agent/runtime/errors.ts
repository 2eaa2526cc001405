export class RuntimeError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'RuntimeError';
    this.code = code;
  }
}

/** Named so that the coordinator can stop the run with step and stage, and keep the last good checkpoint. */
export class LossNotFiniteError extends RuntimeError {
  constructor(step: number, microBatch: number, loss: number) {
    super(
      'LOSS_NOT_FINITE',
      `the loss became ${loss} at step ${step}, micro-batch ${microBatch}: try a smaller learning rate or gradient clipping`,
    );
  }
}

export class LinkLostError extends RuntimeError {
  constructor(peer: string, reason: string) {
    super('LINK_LOST', `the link to board '${peer}' broke: ${reason}`);
  }
}

export class UnexpectedTensorError extends RuntimeError {
  constructor(kind: string, from: string, problem: string) {
    super('TENSOR_UNEXPECTED', `${kind} from board '${from}': ${problem}`);
  }
}
