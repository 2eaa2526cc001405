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

export class PayloadLengthError extends CodecError {
  constructor(codec: string, count: number, wanted: number, found: number) {
    super('CODEC_LENGTH', `${codec}: ${count} values take ${wanted} bytes, the payload has ${found}`);
  }
}
