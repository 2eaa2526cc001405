import {
  assignmentOf,
  type BoardSurvey,
  type Choice,
  createPlan,
  definePartition,
  fastestOf,
  fleetTimes,
  linksBetween,
  type PartitionRequest,
  type Plan,
  type PlannerBoard,
  type ScheduleName,
  type SurveyModel,
  schedulesOf,
  simulate,
  slowed,
  timesFromFlops,
  type WidthFloors,
} from '../index.ts';
import { plannerBoard } from './costs.ts';
import { correctedByRun, type LearnedStages } from './learned.ts';
import { type LinkHistories, linksUnderLoad } from './link-histories.ts';
import { type Paces, paceOf } from './pace.ts';
import { type Share, shareOf, shareOut } from './sharing.ts';
import type { OnlineBoard, RunRequest, RunState } from './state.ts';

/**
 * The boards to train on, in the order of the pipeline: those asked for by name, or the strongest of those online.
 * Undefined while there are too few.
 */
export function chooseBoards(
  wanted: number | readonly string[],
  online: readonly OnlineBoard[],
): readonly OnlineBoard[] | undefined {
  const there = boardsThere(wanted, online);
  return there.length === (typeof wanted === 'number' ? wanted : wanted.length) ? there : undefined;
}

/** Those of the boards asked for that are online; the strongest where only a number was. */
export function boardsThere(
  wanted: number | readonly string[],
  online: readonly OnlineBoard[],
): readonly OnlineBoard[] {
  if (typeof wanted !== 'number') return wanted.flatMap((id) => online.find((board) => board.id === id) ?? []);
  const strongest = online.toSorted((a, b) => b.cores - a.cores).slice(0, wanted);
  return online.filter((board) => strongest.includes(board));
}

/** What is known of boards beside what they say of themselves. */
export type Knowledge = {
  readonly surveys: ReadonlyMap<string, BoardSurvey>;
  readonly paces: Paces;
  /** What their stages took in the run. */
  readonly learned: LearnedStages;
  /** What widths have lost too much. */
  readonly floors: WidthFloors;
  /** What links have carried. */
  readonly links: LinkHistories;
};

const nothing: Knowledge = {
  surveys: new Map(),
  paces: new Map(),
  learned: new Map(),
  floors: new Map(),
  links: new Map(),
};

/** What a run knows of its boards. */
export function knowledgeOf({ survey: { surveys }, seen, widthFloors: floors, links }: RunState): Knowledge {
  const { paces, learned } = seen;
  return { surveys, paces, learned, floors, links };
}

/**
 * The run's plan on these boards. Who asks for boards expects all of them to be used, and those that are named in the
 * order in which they are named, unless the arrangement is free. Times come from what boards have measured; else from
 * the predictor; where there is none, from flops.
 * @throws MemoryError and others of the partition, PlanFieldError and others of plans
 */
export function planOf(request: RunRequest, boards: readonly OnlineBoard[], known: Knowledge = nothing): Plan {
  const { settings, term } = request;
  const { run, model, data, batch, microBatches, optimizer, learningRate, seed, split, codecs } = settings;
  const { schedule, share } = bestShare(request, boards, known, split && heldBy(boards, split));
  return createPlan({
    run,
    term,
    model: modelChoice(model),
    data,
    batch,
    microBatches,
    schedule,
    optimizer,
    learningRate,
    seed,
    predictedStepSeconds: stepOf(share),
    ...(codecs && share.codecs.length > 0 && { codecs: { warmUpSteps: codecs.warmUpSteps, links: share.codecs } }),
    partition: share.partition,
    dataUrls: Object.fromEntries(boards.map(({ id, dataUrl }) => [id, dataUrl])),
  });
}

/**
 * What a step is expected to take by what is known now, under this plan and under the best one. For runs whose split is
 * not given. @throws MemoryError and others of the partition
 */
export function stepsOfNowAndBest(
  request: RunRequest,
  boards: readonly OnlineBoard[],
  known: Knowledge,
  plan: Plan,
): readonly [now: number, best: number] {
  const now = shareOf(partitionRequest(request, boards, known, plan.schedule), plan);
  return [stepOf(now), stepOf(bestShare(request, boards, known, undefined).share)];
}

/** Of the schedules that were wished for, the one with the shortest step, and how the blocks are shared out for it. */
function bestShare(
  request: RunRequest,
  boards: readonly OnlineBoard[],
  known: Knowledge,
  split: Parameters<typeof shareOut>[3],
): { readonly schedule: ScheduleName; readonly share: Share } {
  const { schedule: wish, codecs } = request.settings;
  const schedules = schedulesOf(wish);
  // What boards take for their blocks does not depend on which of these it is.
  const asked = partitionRequest(request, boards, known, schedules[0]!);
  return fastestOf(
    schedules.map((schedule) => ({ ...asked, schedule })),
    (each) => ({ schedule: each.schedule, share: shareOut(each, codecs, known.floors, split) }),
    ({ share }) => share.partition.stepSeconds,
  );
}

/** A split that was given holds for the boards that it was given for. */
export function requestFor({ request }: RunState, boards: readonly OnlineBoard[]): RunRequest {
  const { split, ...settings } = request.settings;
  return split === undefined || split.length === boards.length ? request : { ...request, settings };
}

function stepOf({ request, partition: chosen }: Share): number {
  const problem = definePartition(request);
  return simulate(problem, assignmentOf(problem, chosen)).stepSeconds;
}

/** Of tensors as they are. */
export function partitionRequest(
  request: RunRequest,
  boards: readonly OnlineBoard[],
  { surveys, paces, learned, links }: Knowledge,
  schedule: ScheduleName,
): PartitionRequest & { readonly schedule: ScheduleName } {
  const { settings, blocks } = request;
  const { microBatches, split } = settings;
  const isFree = settings.arrangement === 'free' && split === undefined;
  const asSurveyed = {
    blocks,
    boards: timesOf(request, boards, surveys),
    microBatches,
    links: settings.codecs?.kind === 'auto' ? linksUnderLoad(linksBetween(surveys), links) : linksBetween(surveys),
    schedule,
    useAll: !isFree,
    order: isFree || typeof settings.boards === 'number' ? 'any' : 'given',
  } as const;
  const asSeen = correctedByRun(asSurveyed, learned).map((board) => slowed(board, paceOf(paces, board.id)));
  return { ...asSurveyed, boards: asSeen };
}

/** A plan without `cuts` has the blocks between single ones. */
function modelChoice({ name, classes, inputShape, cuts }: RunRequest['settings']['model']): Choice {
  return { name, options: { classes, inputShape, ...(cuts === undefined ? {} : { cuts }) } };
}

/** The model as boards measure it. */
export function surveyModel({ settings: { model, batch, microBatches } }: RunRequest): SurveyModel {
  return { ...model, microBatch: batch / microBatches };
}

function timesOf(
  request: RunRequest,
  boards: readonly OnlineBoard[],
  surveys: ReadonlyMap<string, BoardSurvey>,
): readonly PlannerBoard[] {
  const { settings, blocks, optimizerSlots } = request;
  const { predictor } = settings;
  if (predictor === undefined) return boards.map((board) => timesFromFlops(plannerBoard(board), blocks));
  const subject = { model: surveyModel(request), blocks, optimizerSlots, predictor };
  const times = fleetTimes(
    subject,
    boards.map(({ id }) => surveys.get(id)),
  );
  return boards.map(({ id, memoryBytes }, index) => ({ id, memoryBytes, ...times[index]! }));
}

/** A split by where each stage ends, as who holds how many blocks. */
function heldBy(boards: readonly OnlineBoard[], ends: readonly number[]) {
  return boards.map(({ id }, stage) => ({ board: id, blocks: (ends[stage] ?? 0) - (ends[stage - 1] ?? 0) }));
}
