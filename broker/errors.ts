/**
 * The errors of `broker/`. Each has a stable `code`, names the offending value and says what to do next.
 * `exitCode` 2 marks bad input: the command line prints the message and leaves with that code.
 */
export class BrokerError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An id of a fleet, board, run or tensor that topics and frames could not carry. */
export class InvalidIdError extends BrokerError {
  readonly exitCode = 2;

  constructor(what: string, value: unknown, rule: string) {
    super('INVALID_ID', `${what} ${quote(value)} is not valid: ${rule}. Choose another ${what}.`);
  }
}

/** A fleet file that breaks a rule; `line` counts from 1 and is 0 where the whole file is meant. */
export class FleetFileError extends BrokerError {
  readonly exitCode = 2;
  readonly file: string;
  readonly line: number;
  readonly key: string;

  constructor(file: string, line: number, key: string, problem: string) {
    super('FLEET_FILE_INVALID', `${file}${line > 0 ? `, line ${line}` : ''}: ${problem}`);
    this.file = file;
    this.line = line;
    this.key = key;
  }
}

/** `flotilla fleet init` would overwrite keys, which cannot be got back. */
export class FleetExistsError extends BrokerError {
  readonly exitCode = 2;

  constructor(path: string) {
    super('FLEET_EXISTS', `${path} is already there. Choose another fleet name, or move it away first.`);
  }
}

/** A private key file that is missing, open to others or of another format. */
export class KeyFileError extends BrokerError {
  readonly exitCode = 2;

  constructor(file: string, problem: string, options?: ErrorOptions) {
    super('KEY_FILE_INVALID', `${file}: ${problem}`, options);
  }
}

/** Another process listens where the broker was told to. */
export class PortTakenError extends BrokerError {
  readonly exitCode = 2;

  constructor(host: string, port: number, options?: ErrorOptions) {
    super(
      'PORT_TAKEN',
      `${host}:${port} is taken by another process. Stop it, or choose another port (0 takes any free one).`,
      options,
    );
  }
}

/** The broker cannot listen on an address, for another reason than a taken port. */
export class ListenError extends BrokerError {
  readonly exitCode = 2;

  constructor(host: string, port: number, cause: Error) {
    super('LISTEN_FAILED', `cannot listen on ${host}:${port}: ${cause.message}. Choose an address of this machine.`, {
      cause,
    });
  }
}

/** A URL that is not `mqtt://host:port`. */
export class InvalidUrlError extends BrokerError {
  readonly exitCode = 2;

  constructor(url: string) {
    super('INVALID_URL', `${quote(url)} is not the address of a broker. Write it as mqtt://HOST:PORT.`);
  }
}

/** The broker answered CONNECT with a refusal: an unknown or revoked board, or a clock that is off. */
export class ConnectionRefusedError extends BrokerError {
  constructor(url: string, id: string, problem: string) {
    super(
      'CONNECTION_REFUSED',
      `${url} refuses ${id}: ${problem}. Check that both sides have the same fleet file and that the key is of ${id}.`,
    );
  }
}

/** A wait on the outside took longer than its deadline. */
export class DeadlineError extends BrokerError {
  constructor(what: string, milliseconds: number, lastProblem?: string) {
    const because = lastProblem === undefined ? '' : ` (last problem: ${lastProblem})`;
    super('DEADLINE', `${what} took longer than ${milliseconds} ms${because}. Check that the other side runs.`);
  }
}

/** Something was asked of a client, broker or link that is already closed. */
export class ClosedError extends BrokerError {
  constructor(what: string, reason = 'it was closed') {
    super('CLOSED', `${what} is closed: ${reason}. Open a new one.`);
  }
}

/** A link cannot go on: its connection did not come back in time, or a tensor was refused again and again. */
export class LinkLostError extends BrokerError {
  constructor(link: string, reason: string) {
    super('LINK_LOST', `link ${link} is lost: ${reason}. The tensors in flight have to be sent again in a new term.`);
  }
}

/** A tensor longer than receiver and sender have agreed on. */
export class TensorTooLargeError extends BrokerError {
  constructor(link: string, bytes: number, agreedBytes: number) {
    super('TENSOR_TOO_LARGE', `a tensor of ${bytes} bytes exceeds the ${agreedBytes} bytes agreed for link ${link}.`);
  }
}

/** Our own side tried to publish a message that breaks its table: a bug of the caller. */
export class InvalidMessageError extends BrokerError {
  constructor(type: string, problem: string) {
    super('INVALID_MESSAGE', `${type}: ${problem}.`);
  }
}

/** A value that has no canonical JSON form (RFC 8785). */
export class CanonicalJsonError extends BrokerError {
  constructor(path: string, problem: string) {
    super('NOT_CANONICAL_JSON', `${path} ${problem}, which JSON cannot carry.`);
  }
}

/** Header fields that the frame layout cannot hold: a bug of the caller. */
export class InvalidFrameError extends BrokerError {
  constructor(field: string, value: unknown, rule: string) {
    super('INVALID_FRAME', `frame field ${field} = ${quote(value)}: ${rule}.`);
  }
}

/** At most 80 characters of a value, for error messages. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
