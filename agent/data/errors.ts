/** What can be wrong with training data. Every class names the offending value and says what to do next. */

/** Base of all errors about data sets: bad input by the user, so that commands end with exit code 2. */
export abstract class DataError extends Error {
  abstract readonly code: string;
  readonly exitCode = 2;

  override get name(): string {
    return this.constructor.name;
  }
}

/** The data a user names neither exists as a directory nor is a generated data set. */
export class UnknownDataError extends DataError {
  readonly code = 'DATA_UNKNOWN';

  constructor(given: string, generated: readonly string[]) {
    super(
      `data '${given}' was not found: there is no such directory, and it is not a generated data set ` +
        `(${generated.join(', ')}). Give the path of a directory that exists, or one of those names.`,
    );
  }
}

/** A path that cannot be read as a directory of data. */
export class DataDirectoryError extends DataError {
  readonly code = 'DATA_DIRECTORY';

  constructor(path: string, problem: string) {
    super(`data '${path}' ${problem}.`);
  }
}

/** A directory that holds none of the known formats. */
export class UnknownDataFormatError extends DataError {
  readonly code = 'DATA_FORMAT_UNKNOWN';

  constructor(directory: string, found: string, known: readonly string[], hint = '') {
    super(
      `data directory '${directory}' is of no known format: it holds ${found}.${hint === '' ? '' : ` ${hint}`} ` +
        `Known formats: ${known.join('; ')}.`,
    );
  }
}

/** A file that ends before what it announces is complete. */
export class TruncatedDataError extends DataError {
  readonly code = 'DATA_TRUNCATED';
  readonly file: string;
  readonly byte: number;

  constructor(file: string, byte: number, problem: string) {
    super(`'${file}' is truncated: it ends at byte ${byte}, ${problem}. Copy or download it again.`);
    this.file = file;
    this.byte = byte;
  }
}

/** A file whose content contradicts its format. */
export class CorruptDataError extends DataError {
  readonly code = 'DATA_CORRUPT';
  readonly file: string;

  constructor(file: string, problem: string) {
    super(`'${file}' ${problem}.`);
    this.file = file;
  }
}

/** A label that no class stands for. */
export class LabelOutOfRangeError extends DataError {
  readonly code = 'DATA_LABEL_OUT_OF_RANGE';

  /** `record` counts from 0 in binary files; `place` is what counts it there ('record', 'line'). */
  constructor(file: string, place: string, record: number, label: number | string, classes: readonly string[]) {
    const known = classes.length > 12 ? `${classes.slice(0, 12).join(', ')}, …` : classes.join(', ');
    super(
      `'${file}', ${place} ${record}: label ${typeof label === 'string' ? `'${label}'` : label} is out of range: there are ` +
        `${classes.length} classes (${known}), numbered 0 to ${classes.length - 1}. Correct the label or the list of classes.`,
    );
  }
}

/** A table whose line cannot be read. */
export class BadTableError extends DataError {
  readonly code = 'DATA_BAD_TABLE';

  constructor(file: string, line: number, problem: string) {
    super(`'${file}', line ${line}${problem}.`);
  }
}

/** A split that the data does not have. */
export class SplitMissingError extends DataError {
  readonly code = 'DATA_SPLIT_MISSING';

  constructor(data: string, split: string, expected: string) {
    super(`data '${data}' has no ${split} split: ${expected}.`);
  }
}

/** A split that has nothing, or less than one batch, to train on. */
export class TooFewSamplesError extends DataError {
  readonly code = 'DATA_TOO_FEW_SAMPLES';

  constructor(data: string, count: number, needed: number) {
    super(
      `data '${data}' has ${count} samples, fewer than one batch of ${needed}: ` +
        `give a batch of at most ${count}, or more data.`,
    );
  }
}

/** An option for data that cannot be. */
export class DataOptionError extends DataError {
  readonly code = 'DATA_OPTION';

  constructor(option: string, value: unknown, allowed: string) {
    super(`data option ${option} is ${JSON.stringify(value)}: ${allowed}.`);
  }
}
