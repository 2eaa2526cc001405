/** What can be wrong with a checkpoint. Every class names the file and the offending value, and says what to do next. */

const otherCheckpoint = 'Resume from an earlier checkpoint of the run, or start the run anew';

/** Base of all errors about checkpoints: files that the user named, so that commands end with exit code 2. */
export abstract class CheckpointError extends Error {
  abstract readonly code: string;
  readonly exitCode = 2;

  override get name(): string {
    return this.constructor.name;
  }
}

/** A path where there is no checkpoint. */
export class CheckpointMissingError extends CheckpointError {
  readonly code = 'CHECKPOINT_MISSING';

  constructor(path: string, problem: string) {
    super(`no checkpoint at '${path}': ${problem}. Give the directory of a run, or one of its checkpoint-…json files.`);
  }
}

/** A file that ends before what it announces, or what was announced of it, is complete. */
export class CheckpointTruncatedError extends CheckpointError {
  readonly code = 'CHECKPOINT_TRUNCATED';
  readonly file: string;
  readonly byte: number;

  constructor(file: string, byte: number, problem: string) {
    super(`'${file}' is truncated: it ends at byte ${byte}, ${problem}. ${otherCheckpoint}.`);
    this.file = file;
    this.byte = byte;
  }
}

/** A file whose content is not what a checkpoint holds, or is not what was written. */
export class CheckpointCorruptError extends CheckpointError {
  readonly code = 'CHECKPOINT_CORRUPT';
  readonly file: string;

  constructor(file: string, problem: string) {
    super(`'${file}' is damaged: ${problem}. ${otherCheckpoint}.`);
    this.file = file;
  }
}

/** A checkpoint of a format that this version of Flotilla does not know. */
export class CheckpointVersionError extends CheckpointError {
  readonly code = 'CHECKPOINT_VERSION';

  constructor(file: string, found: unknown, known: number) {
    super(
      `'${file}' is a checkpoint of version ${JSON.stringify(found)}; this Flotilla reads version ${known}. ` +
        'Resume it with the Flotilla that wrote it.',
    );
  }
}

/** The state and the tensors beside it do not belong together. */
export class CheckpointMismatchError extends CheckpointError {
  readonly code = 'CHECKPOINT_MISMATCH';

  constructor(stateFile: string, tensorFile: string, what: string, inState: string, inTensors: string) {
    super(
      `'${stateFile}' is of ${what} ${inState}, but its tensors in '${tensorFile}' are of ${what} ${inTensors}: one of ` +
        `the two was replaced. ${otherCheckpoint}.`,
    );
  }
}

/** A checkpoint of another model than the one that is wanted. */
export class CheckpointModelError extends CheckpointError {
  readonly code = 'CHECKPOINT_MODEL';

  constructor(file: string, problem: string, advice: string) {
    super(`'${file}' ${problem}. ${advice}.`);
  }
}

/** The operating system refused to write; nothing that was there before is lost. */
export class CheckpointWriteError extends CheckpointError {
  readonly code = 'CHECKPOINT_NOT_WRITTEN';

  constructor(path: string, cause: Error) {
    super(
      `the checkpoint '${path}' could not be written (${cause.message}); earlier ones are untouched. ` +
        'Free space on the disk, or give another directory that may be written to.',
      { cause },
    );
  }
}
