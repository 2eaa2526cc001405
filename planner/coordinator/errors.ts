import { type Choice, PlannerError } from '../index.ts';

/** Everything that the coordinator gives up on extends this class; `code` is stable. */
export abstract class CoordinatorError extends PlannerError {}

/** A setting of a run that nothing can be done with. */
export class RunSettingsError extends CoordinatorError {
  readonly code = 'RUN_SETTINGS';
  readonly exitCode = 2;

  constructor(setting: string, value: unknown, rule: string) {
    super(`${setting} is ${String(value)}: ${rule}`);
  }
}

/** The state to start from is of another model or optimizer. */
export class RestoreMismatchError extends CoordinatorError {
  readonly code = 'RESTORE_MISMATCH';
  readonly exitCode = 2;

  constructor(model: string, problem: string) {
    super(
      `the state to start from does not fit ${model}: ${problem}; ` +
        'resume with the model and the optimizer that it was saved with',
    );
  }
}

/** Too few boards, or not the ones asked for, came online in time. */
export class NotEnoughBoardsError extends CoordinatorError {
  readonly code = 'NOT_ENOUGH_BOARDS';
  readonly online: readonly string[];

  constructor(wanted: number | readonly string[], online: readonly string[], seconds: number) {
    const present = online.length === 0 ? 'none is' : `${online.length} ${online.length === 1 ? 'is' : 'are'}`;
    const names = online.length === 0 ? '' : ` (${online.join(', ')})`;
    const asked =
      typeof wanted === 'number'
        ? `${wanted} boards were asked for, ${present} online${names}`
        : `${wanted.filter((board) => !online.includes(board)).join(', ')} of ${wanted.join(', ')} did not come online`;
    super(`${asked} after ${seconds} s; start their agents, look at their logs, or ask for fewer boards`);
    this.online = online;
  }
}

/** Boards that did not measure themselves in time. */
export class SurveyDeadlineError extends CoordinatorError {
  readonly code = 'BOARDS_NOT_SURVEYED';

  constructor(run: string, waitsFor: string, seconds: number) {
    super(
      `run ${run}: not every board had measured itself after ${seconds} s: ${waitsFor}; ` +
        "look at that board's log, give it more time (--patience), or train without (--survey 0)",
    );
  }
}

/** Boards that did not load their stage, or did not take the state, in time. */
export class PrepareDeadlineError extends CoordinatorError {
  readonly code = 'BOARDS_NOT_PREPARED';

  constructor(run: string, waitsFor: string, seconds: number) {
    super(
      `run ${run}: not every stage was ready after ${seconds} s: ${waitsFor}; ` +
        "look at that board's log, or give it more time",
    );
  }
}

/** No board got any further for longer than a step may take. */
export class RunSilentError extends CoordinatorError {
  readonly code = 'RUN_SILENT';

  constructor(run: string, waitsFor: string, seconds: number, checkpoint: string | undefined) {
    super(`run ${run}: nothing was heard for ${seconds} s: ${waitsFor}; ${advice(checkpoint)}`);
  }
}

/** Where in a run something happened. */
export type Place = {
  readonly run: string;
  readonly board: string;
  readonly stage: number;
  readonly step: number;
};

/** A board's process has ended, or its connection to the hub. */
export class BoardLostError extends CoordinatorError {
  readonly code = 'BOARD_LOST';
  readonly board: string;
  readonly stage: number;
  readonly step: number;
  readonly lastWords: string | undefined;

  constructor(place: Place, how: string, lastWords: string | undefined, checkpoint: string | undefined) {
    const { run, board, stage, step } = place;
    const said = lastWords === undefined ? ' ' : quoted(lastWords.trim());
    super(`run ${run}: board ${board} (stage ${stage}) ${how} at step ${step};${said}${advice(checkpoint)}`);
    this.board = board;
    this.stage = stage;
    this.step = step;
    this.lastWords = lastWords;
  }
}

/** A board has said that it cannot go on; `reported` is its error's code. */
export class RunFailedError extends CoordinatorError {
  readonly code = 'RUN_FAILED';
  readonly reported: string;
  readonly board: string;
  readonly stage: number;
  readonly step: number;
  /** 2 where the cause is bad input that only the board could see: the data set, or a state that does not fit. */
  readonly exitCode: 1 | 2;

  constructor(place: Place, reported: { readonly code: string; readonly message: string }, checkpoint?: string) {
    const { run, board, stage, step } = place;
    const { code, message } = reported;
    // Bad input says itself what to do; starting again with it would not help.
    const next = isBadInput(code) ? '' : `; ${advice(checkpoint)}`;
    super(`run ${run}: board ${board} (stage ${stage}) failed at step ${step}: ${message} [${code}]${next}`);
    this.reported = code;
    this.board = board;
    this.stage = stage;
    this.step = step;
    this.exitCode = isBadInput(code) ? 2 : 1;
  }
}

const badInput = /^(DATA_|ENGINE_STATE$|OPTIMIZER_|SHAPE)/;

/** Whether a board's error says that the input is bad: the same input leads there again. */
export const isBadInput = (code: string): boolean => badInput.test(code);

/**
 * A loss, or a tensor of the state, that is not a finite number: the training has diverged. Bad input: the same settings
 * lead there again.
 */
export class LossNotFiniteError extends CoordinatorError {
  readonly code = 'LOSS_NOT_FINITE';
  readonly exitCode = 2;
  readonly board: string;
  readonly stage: number;
  readonly step: number;

  constructor(place: Place, what: string, learningRate: Choice, checkpoint: string | undefined) {
    const { run, board, stage, step } = place;
    const { rate } = learningRate.options;
    const kept =
      checkpoint === undefined ? 'no checkpoint had been written' : `the last good checkpoint is ${checkpoint}`;
    super(
      `run ${run}: ${what} is not a finite number at step ${step}, stage ${stage} (board ${board}); ${kept}. ` +
        `Use a smaller learning rate than ${rate === undefined ? learningRate.name : String(rate)}, or clip gradients`,
    );
    this.board = board;
    this.stage = stage;
    this.step = step;
  }
}

function quoted(lastWords: string): string {
  return lastWords === '' ? ' it said nothing; ' : `\n  its last words: ${lastWords.replaceAll('\n', '\n  ')}\n  `;
}

function advice(checkpoint: string | undefined): string {
  return checkpoint === undefined
    ? 'no checkpoint had been written: start the run again'
    : `go on with --resume from ${checkpoint}`;
}
