export class EngineError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'EngineError';
    this.code = code;
  }
}

export class NotLoadedError extends EngineError {
  constructor(call: string) {
    super('ENGINE_NOT_LOADED', `${call}: no stage is loaded; call load first`);
  }
}

export class StashError extends EngineError {
  constructor(step: number, microBatch: number, problem: string) {
    super('ENGINE_STASH', `step ${step}, micro-batch ${microBatch}: ${problem}`);
  }
}

export class StateMismatchError extends EngineError {
  readonly exitCode = 2;

  constructor(block: number, problem: string) {
    super('ENGINE_STATE', `state for block ${block}: ${problem}; was it saved from another model?`);
  }
}

export class EngineClosedError extends EngineError {
  constructor(reason: string) {
    super('ENGINE_CLOSED', `the engine is closed: ${reason}`);
  }
}

export class OnnxRuntimeError extends EngineError {
  constructor(call: string, message: string) {
    super('ENGINE_ONNX_RUNTIME', `ONNX Runtime, ${call}: ${message}`);
  }
}

export class UnknownDoorError extends EngineError {
  readonly exitCode = 2;

  constructor(wanted: string, known: readonly string[]) {
    super('ENGINE_DOOR', `FLOTILLA_ORT is '${wanted}'; it can be ${known.map((name) => `'${name}'`).join(' or ')}`);
  }
}
