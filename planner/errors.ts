/** Everything that the planner refuses extends this class. `code` is stable; the message may be reworded. */
export abstract class PlannerError extends Error {
  abstract readonly code: string;

  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** A count (stages, micro-batches, queue places) that is not a whole number of at least `minimum`. */
export class CountError extends PlannerError {
  readonly code = 'PLANNER_COUNT';
  readonly exitCode = 2;

  constructor(what: string, value: unknown, minimum = 1) {
    super(`${what} must be a whole number of at least ${minimum}, not ${String(value)}`);
  }
}

/** A schedule's name that no generator has. */
export class UnknownScheduleError extends PlannerError {
  readonly code = 'SCHEDULE_UNKNOWN';
  readonly exitCode = 2;

  constructor(name: string, known: readonly string[]) {
    super(`there is no schedule named '${name}'; choose one of ${known.join(', ')}`);
  }
}

/** Text that is not a schedule. */
export class ScheduleSyntaxError extends PlannerError {
  readonly code = 'SCHEDULE_SYNTAX';
  readonly exitCode = 2;

  constructor(word: string, position: number) {
    super(
      `'${word}' (word ${position}) is not an instruction; write F, B, FB, SA, RA, SG or RG and a micro-batch, as in F0, or U`,
    );
  }
}

/** A stage's list that breaks a rule whatever its neighbours do. */
export class ScheduleError extends PlannerError {
  readonly code = 'SCHEDULE_INVALID';
  readonly stage: number;

  constructor(stage: number, problem: string) {
    super(`stage ${stage}: ${problem}; correct the generator or pass that made this schedule`);
    this.stage = stage;
  }
}

/** Stages that wait for each other in a circle; `waits` says, for each stuck stage, at what and for what. */
export class ScheduleDeadlockError extends PlannerError {
  readonly code = 'SCHEDULE_DEADLOCK';
  readonly waits: readonly string[];

  constructor(waits: readonly string[]) {
    super(`the schedule is stuck: ${waits.join('; ')}. Reorder the instructions or allow more messages in flight`);
    this.waits = waits;
  }
}

/** A cost or a board that the partition cannot reckon with (negative, not finite, a board named twice). */
export class PartitionInputError extends PlannerError {
  readonly code = 'PARTITION_INPUT';
  readonly exitCode = 2;
}

/** A transfer with numbers that none has. */
export class LinkObservationError extends PlannerError {
  readonly code = 'LINK_OBSERVATION';

  constructor(what: 'bytes' | 'seconds', value: number) {
    super(`${what} of a transfer is ${value}; leave it out, a transfer has bytes and takes time`);
  }
}

/** Every board holds at least one block. */
export class MoreBoardsThanBlocksError extends PlannerError {
  readonly code = 'PARTITION_MORE_BOARDS_THAN_BLOCKS';
  readonly exitCode = 2;

  constructor(boards: number, blocks: number) {
    super(
      `${boards} boards were asked for, but the model has only ${blocks} blocks and every board holds at least one; ` +
        `use ${blocks} boards or fewer, or a deeper model`,
    );
  }
}

export type MemoryShortfall = {
  readonly board: string;
  readonly firstBlock: number;
  /** The first block that no longer fits. */
  readonly block: number;
  readonly blockName: string;
  readonly lastBlock: number;
  readonly neededBytes: number;
  readonly memoryBytes: number;
};

/** No split fits; names the board, the block at which it is full, and the bytes it would need in addition. */
export class MemoryError extends PlannerError {
  readonly code = 'PARTITION_MEMORY';
  readonly exitCode = 2;
  readonly shortfall: MemoryShortfall;

  constructor(shortfall: MemoryShortfall) {
    const { board, block, blockName, firstBlock, lastBlock, neededBytes, memoryBytes } = shortfall;
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
    const run = firstBlock === lastBlock ? `block ${firstBlock}` : `blocks ${firstBlock} to ${lastBlock}`;
    super(
      `board '${board}' lacks ${megabytes(neededBytes - memoryBytes)} MB at block ${block} (${blockName}): ${run} need ` +
        `${megabytes(neededBytes)} MB and it has ${megabytes(memoryBytes)} MB; ` +
        'use a smaller batch, more micro-batches, more boards, or a board with more memory',
    );
    this.shortfall = shortfall;
  }
}

/** A scenario file that cannot be read: where, which key, what is wrong with its value. */
export class ScenarioError extends PlannerError {
  readonly code = 'SCENARIO';
  readonly exitCode = 2;
  /** From 1; 0 where no line is to blame. */
  readonly line: number;
  readonly key: string;

  constructor(file: string, line: number, key: string, problem: string) {
    super(`${line > 0 ? `${file}, line ${line}` : file}: ${problem}`);
    this.line = line;
    this.key = key;
  }
}

/** A plan's field that is missing, unknown or of a wrong value; `path` is where, as in `plan.stages[1].board`. */
export class PlanFieldError extends PlannerError {
  readonly code = 'PLAN_FIELD';
  readonly exitCode = 2;
  readonly path: string;

  constructor(path: string, expected: string, value: unknown) {
    super(`${path} must be ${expected}, not ${show(value)}; was this plan written by another version of flotilla?`);
    this.path = path;
  }
}

/** The batch does not divide into the micro-batches asked for. */
export class BatchDivisionError extends PlannerError {
  readonly code = 'PLAN_BATCH_DIVISION';
  readonly exitCode = 2;

  constructor(batch: number, microBatches: number) {
    super(
      `a batch of ${batch} does not divide into ${microBatches} micro-batches; use a batch that is a multiple of ${microBatches}`,
    );
  }
}

/** Fields that are each well-formed but contradict each other: a block held twice or by nobody, a board used twice. */
export class PlanConflictError extends PlannerError {
  readonly code = 'PLAN_CONFLICT';
  readonly exitCode = 2;
}

/** A text of `--codec` that is not one. */
export class UnknownTensorCodecError extends PlannerError {
  readonly code = 'CODEC_SPEC';
  readonly exitCode = 2;

  constructor(part: string, text: string, help: string) {
    super(`'${part}' of codec '${text}' is not known: ${help}; as in 4/8, forward and back`);
  }
}

/** `--min-bits` that no link can have. */
export class LeastBitsError extends PlannerError {
  readonly code = 'LEAST_BITS';
  readonly exitCode = 2;

  constructor(text: string) {
    super(
      `'${text}' is no least width: give bits of activations and gradients from 1 to 8, 16 or 32, the gradients' no fewer, as in 4/8`,
    );
  }
}

/** Errors of gradients add up over the stages, those of activations do not. */
export class GradientBitsError extends PlannerError {
  readonly code = 'GRADIENT_BITS';
  readonly exitCode = 2;

  constructor(link: number, forward: number, backward: number) {
    super(
      `link ${link} would send gradients of ${backward} bits and activations of ${forward}: gradients need at least as many, as in ${forward}/${forward}`,
    );
  }
}

const LONGEST_SHOWN = 80;

function show(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  let text: string;
  try {
    text = JSON.stringify(value) ?? typeof value;
  } catch {
    text = typeof value;
  }
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
