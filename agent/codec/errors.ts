export class CodecError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'CodecError';
    this.code = code;
  }
}

export class UnknownCodecError extends CodecError {
  constructor(codec: string | number, known: readonly string[]) {
    super('CODEC_UNKNOWN', `unknown codec '${codec}': this board knows ${known.join(', ')}; is its program older?`);
  }
}

export class CodecParamsError extends CodecError {
  constructor(codec: string, name: string, value: number | string, wanted: string) {
    super(
      'CODEC_PARAMS',
      `${codec}: its ${name} is ${value}, and should be ${wanted}; is the other board's program newer?`,
    );
  }
}

export class PayloadLengthError extends CodecError {
  constructor(codec: string, count: number, wanted: number | string, found: number) {
    super('CODEC_LENGTH', `${codec}: ${count} values take ${wanted} bytes, the payload has ${found}`);
  }
}

export class PayloadDamagedError extends CodecError {
  constructor(codec: string, problem: string) {
    super('CODEC_DAMAGED', `${codec}: the payload is damaged: ${problem}`);
  }
}
