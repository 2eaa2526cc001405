/**
 * The errors of the command line itself. Each has a stable `code`, names the offending value and says what to do next.
 * `exitCode` 2 marks bad input; errors of the other folders follow the same custom.
 */
export class CliError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Something that was typed and cannot be. */
export class UsageError extends CliError {
  readonly exitCode = 2;
}

export class UnknownCommandError extends UsageError {
  constructor(given: string, nearest: string | undefined) {
    const hint = nearest === undefined ? '' : ` Did you mean '${nearest}'?`;
    super('COMMAND_UNKNOWN', `there is no command '${given}'.${hint} \`flotilla --help\` lists them.`);
  }
}

export class UnknownOptionError extends UsageError {
  constructor(command: string, given: string, nearest: string | undefined) {
    const hint = nearest === undefined ? '' : ` Did you mean '--${nearest}'?`;
    super('OPTION_UNKNOWN', `flotilla ${command} has no option '${given}'.${hint} See \`flotilla ${command} --help\`.`);
  }
}

/** An option whose value is missing, not wanted, given twice, or breaks the option's rule. */
export class OptionValueError extends UsageError {
  constructor(option: string, problem: string) {
    super('OPTION_VALUE', `option --${option} ${problem}.`);
  }
}

/** A word that is missing or too many beside the options. */
export class ArgumentError extends UsageError {
  constructor(command: string, problem: string) {
    super('ARGUMENT', `flotilla ${command}: ${problem}. See \`flotilla ${command} --help\`.`);
  }
}

/** A directory or file of ours that is missing, of another kind, or that we may not use. */
export class PathError extends UsageError {
  constructor(path: string, problem: string, options?: ErrorOptions) {
    super('PATH', `'${path}' ${problem}.`, options);
  }
}

/** What is resumed and what was asked for are two different runs. */
export class ResumeMismatchError extends UsageError {
  constructor(option: string, asked: unknown, saved: unknown, checkpoint: string) {
    super(
      'RESUME_MISMATCH',
      `--${option} ${String(asked)} differs from the run that is resumed: '${checkpoint}' is of one with ` +
        `${String(saved)}. Leave the option out, or start a new run without --resume.`,
    );
  }
}

/** A run cannot go on for as long as was asked. */
export class ResumeStepsError extends UsageError {
  constructor(problem: string, checkpoint: string, next: string) {
    super('RESUME_STEPS', `${problem} ('${checkpoint}'). ${next}.`);
  }
}

/** A process of ours ended before it was told to. */
export class ProcessDiedError extends CliError {
  constructor(name: string, how: string, lastWords: string) {
    const words = lastWords === '' ? 'It said nothing.' : `Its last words:\n${lastWords}`;
    super('PROCESS_DIED', `the process of ${name} ${how}. ${words}`);
  }
}

/** Boards that were expected did not come online. */
export class BoardsMissingError extends CliError {
  constructor(wanted: number, online: readonly string[], seconds: number) {
    const there = online.length === 0 ? 'none is' : `only ${online.join(', ')} ${online.length === 1 ? 'is' : 'are'}`;
    super(
      'BOARDS_MISSING',
      `${wanted} boards were asked for, but ${there} online after ${seconds} s. ` +
        'Start the others with `flotilla agent`, or ask for fewer with --boards.',
    );
  }
}

/** A drained board that a run has not given up in time. */
export class BoardAtWorkError extends CliError {
  constructor(board: string, run: string, seconds: number) {
    super(
      'BOARD_AT_WORK',
      `board '${board}' still works for run '${run}' after ${seconds} s: it is drained and will be free at a later step; ` +
        'wait, or look at what the run says.',
    );
  }
}

/** Nobody said which fleet, and it cannot be guessed. */
export class FleetChoiceError extends UsageError {
  constructor(directory: string, known: readonly Place[], reached: readonly Place[]) {
    const command = ({ fleets, name }: Place): string => `--fleet ${name} --fleets ${fleets}`;
    const problem =
      reached.length > 1
        ? `the hubs of ${reached.length} fleets can be reached: say which with ${reached.map(command).join(', or ')}`
        : known.length > 0
          ? `no hub can be reached of ${known.map(({ name }) => name).join(', ')} in '${directory}'. ` +
            `Start one with \`flotilla hub --fleet ${known[0]!.name}\`, or a run with \`flotilla train\``
          : `there is no fleet in '${directory}', and no lab runs here. Make one with \`flotilla fleet init\`, ` +
            'or start a run with `flotilla train`';
    super('FLEET_CHOICE', `${problem}.`);
  }
}

interface Place {
  readonly fleets: string;
  readonly name: string;
}

/** No member's key lies where the fleet's keys should. */
export class NoKeyError extends UsageError {
  constructor(fleet: string, directory: string) {
    super(
      'KEY_MISSING',
      `no key of a member of fleet '${fleet}' is in '${directory}': copy the fleet file and one of its keys here (mode 600).`,
    );
  }
}

/** The hub's broker did not let us in, nor turn us away. */
export class HubSilentError extends CliError {
  constructor(fleet: string, url: string, seconds: number, cause: Error) {
    super(
      'HUB_SILENT',
      `the hub of fleet '${fleet}' does not answer at ${url} within ${seconds} s. ` +
        `Start it with \`flotilla hub --fleet ${fleet}\`, or say where it is with --hub.`,
      { cause },
    );
  }
}

/** The hub's file of drained boards is none of ours. */
export class DrainedFileError extends UsageError {
  constructor(file: string, problem: string) {
    super(
      'DRAINED_FILE',
      `${file}: ${problem}. Mend it, or remove it and drain again the boards that are to be without work.`,
    );
  }
}
