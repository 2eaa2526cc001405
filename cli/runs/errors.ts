import { UsageError } from '../errors.ts';

const LONGEST_SHOWN = 80;

/** A run's log that says something that no run says. */
export class RunLogDamagedError extends UsageError {
  constructor(path: string, line: number, found: string) {
    const shown = JSON.stringify(found.length > LONGEST_SHOWN ? `${found.slice(0, LONGEST_SHOWN)}…` : found);
    super(
      'RUN_LOG_DAMAGED',
      `'${path}' is damaged: line ${line} is ${shown}. Move the file away, and go on from a checkpoint with --resume: ` +
        'the terms of its plans are then counted from the checkpoint on.',
    );
  }
}

/** Two processes would write to one run. */
export class RunHeldError extends UsageError {
  constructor(directory: string) {
    super(
      'RUN_AT_WORK',
      `a process is at work on the run in '${directory}' already: wait for it, or end it before you go on with the run.`,
    );
  }
}
