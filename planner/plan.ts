import { BatchDivisionError, PlanConflictError, PlanFieldError } from './errors.ts';
import { checkGradientBits, type PlanCodecs, planCodecs } from './link-codecs.ts';
import type { Partition } from './partition/index.ts';
import * as read from './readers.ts';
import { type ScheduleName, scheduleNames } from './schedule/index.ts';

/** The format of a plan's JSON; an agent refuses any other. */
export const planVersion = 1 as const;

/** Something of a registry in `models` or `agent`, and what it is made with. */
export type Choice = { readonly name: string; readonly options: read.JsonObject };

/** What one board of the run does. */
export type PlanStage = {
  readonly stage: number;
  readonly board: string;
  readonly firstBlock: number;
  /** Inclusive. */
  readonly lastBlock: number;
  /** Where the stage's neighbours reach its broker; absent until the board has said so. */
  readonly dataUrl?: string;
  /** Computation of one step. */
  readonly predictedSeconds: number;
  /** Of the model's forward and backward, 0 to 1. */
  readonly flopsShare: number;
  readonly memoryBytes: number;
};

/**
 * Everything that the boards of a run must agree on; plain JSON. `term` grows with each plan of a run, and a message
 * of an older term is dropped. `stages` are in the order of the pipeline.
 */
export type Plan = {
  readonly version: typeof planVersion;
  readonly run: string;
  readonly term: number;
  readonly model: Choice;
  /** Blocks of the model; the stages hold 0 to `blocks - 1`. */
  readonly blocks: number;
  /** Samples of one step, over all micro-batches. */
  readonly batch: number;
  readonly microBatches: number;
  readonly schedule: ScheduleName;
  readonly optimizer: Choice;
  readonly learningRate: Choice;
  /** What stage 0 reads and the last stage takes its labels from; absent where the boards were told otherwise. */
  readonly data?: Choice;
  /** How links encode; as it is where absent. */
  readonly codecs?: PlanCodecs;
  readonly seed: number;
  /** From one step to the next, as the simulator plays the plan; absent in plans of older versions. */
  readonly predictedStepSeconds?: number;
  readonly stages: readonly PlanStage[];
};

// A schedule is as long as stages × micro-batches: the limits bound what a plan can make an agent allocate.
const MOST_STAGES = 1000;
const MOST_MICRO_BATCHES = 1024;

const choice: read.Reader<Choice> = read.object({ name: read.text, options: read.jsonObject });

const planStage: read.Reader<PlanStage> = read.object(
  {
    stage: read.wholeNumber(0),
    board: read.text,
    firstBlock: read.wholeNumber(0),
    lastBlock: read.wholeNumber(0),
    predictedSeconds: read.numberBetween(0, Number.MAX_VALUE),
    flopsShare: read.numberBetween(0, 1),
    memoryBytes: read.numberBetween(0, Number.MAX_VALUE),
  },
  { dataUrl: read.url(['mqtt:', 'mqtts:', 'ws:', 'wss:']) },
);

const plan: read.Reader<Plan> = read.object(
  {
    version: read.oneOf([planVersion]),
    run: read.text,
    term: read.wholeNumber(1),
    model: choice,
    blocks: read.wholeNumber(1),
    batch: read.wholeNumber(1),
    microBatches: read.wholeNumber(1, MOST_MICRO_BATCHES),
    schedule: read.oneOf(scheduleNames),
    optimizer: choice,
    learningRate: choice,
    seed: read.wholeNumber(0),
    stages: read.list(planStage, MOST_STAGES),
  },
  { data: choice, codecs: planCodecs, predictedStepSeconds: read.numberBetween(0, Number.MAX_VALUE) },
);

/**
 * A plan from a file or a message. Every field is checked, unknown ones are refused, and the plan is then held against
 * `validatePlan`. Throws `PlanFieldError` with the field's path, or what `validatePlan` throws.
 */
export function parsePlan(value: unknown): Plan {
  const parsed = plan(value, 'plan');
  validatePlan(parsed);
  return parsed;
}

/** What a plan is made of beside its stages. */
export type PlanSettings = Omit<Plan, 'version' | 'blocks' | 'stages'> & {
  readonly partition: Partition;
  /** The broker's address of each board, where it is known already. */
  readonly dataUrls?: Readonly<Record<string, string>>;
};

/** A plan for this partition. Throws as `parsePlan` does. */
export function createPlan({ partition, dataUrls = {}, ...settings }: PlanSettings): Plan {
  const stages = partition.stages.map(({ memory: _parts, ...stage }): PlanStage => {
    const dataUrl = Object.hasOwn(dataUrls, stage.board) ? dataUrls[stage.board] : undefined;
    return dataUrl === undefined ? stage : { ...stage, dataUrl };
  });
  const blocks = (stages.at(-1)?.lastBlock ?? 0) + 1;
  return parsePlan({ ...settings, version: planVersion, blocks, stages });
}

/**
 * Holds a plan's fields against each other: the batch divides, stages are numbered in order, every block is held by
 * exactly one stage, no board is used twice, and each link has its codecs, the gradients' no narrower than the
 * activations'. Throws `BatchDivisionError`, `PlanConflictError` or `GradientBitsError`.
 */
export function validatePlan({ batch, microBatches, blocks, stages, codecs }: Plan): void {
  if (batch % microBatches !== 0) throw new BatchDivisionError(batch, microBatches);
  const boards = new Map<string, number>();
  let next = 0;
  for (const [index, { stage, board, firstBlock, lastBlock }] of stages.entries()) {
    const where = `plan.stages[${index}]`;
    if (stage !== index) throw new PlanFieldError(`${where}.stage`, `${index}, its place in the list`, stage);
    const earlier = boards.get(board);
    if (earlier !== undefined) throw conflict(`board '${board}' is used by stages ${earlier} and ${stage}`);
    boards.set(board, stage);
    if (firstBlock > next) throw conflict(`no stage holds block ${next}: ${where} begins at block ${firstBlock}`);
    if (firstBlock < next) throw conflict(`block ${firstBlock} is held twice: ${where} begins at it`);
    if (lastBlock < firstBlock)
      throw conflict(`${where} holds no block: it ends at ${lastBlock}, before ${firstBlock}`);
    next = lastBlock + 1;
  }
  if (next < blocks) throw conflict(`no stage holds block ${next} of ${blocks}`);
  if (next > blocks)
    throw conflict(`the last stage ends at block ${next - 1}, but the model has only ${blocks} blocks`);
  if (codecs === undefined) return;
  const links = stages.length - 1;
  if (codecs.links.length !== links) throw conflict(`${codecs.links.length} links have codecs, and there are ${links}`);
  checkGradientBits(codecs);
}

function conflict(problem: string): PlanConflictError {
  return new PlanConflictError(`${problem}; make the plan again with every block on one board and every board once`);
}
