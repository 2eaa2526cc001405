import {
  correctedByStages,
  definePartition,
  type PartitionProblem,
  type PartitionRequest,
  type PlannerBoard,
  stageStep,
} from '../index.ts';

/** What a stage took in the run. */
export interface LearnedStage {
  readonly firstBlock: number;
  readonly lastBlock: number;
  /** A step, without waiting, at the pace of when the board was surveyed. */
  readonly seconds: number;
  /** What is added to it and to what it is held against, so that small stages are believed little. */
  readonly doubtSeconds: number;
}

/** By board, oldest first. */
export type LearnedStages = ReadonlyMap<string, readonly LearnedStage[]>;

/** Of each board. */
const REMEMBERED = 12;

/** The latest of a stage counts. */
export function withLearned(learned: LearnedStages, board: string, stage: LearnedStage): LearnedStages {
  const isSame = ({ firstBlock, lastBlock }: LearnedStage) =>
    firstBlock === stage.firstBlock && lastBlock === stage.lastBlock;
  const others = (learned.get(board) ?? []).filter((each) => !isSame(each));
  return new Map(learned).set(board, [...others, stage].slice(-REMEMBERED));
}

/** The request's boards with their blocks' times corrected by the stages that they had in the run. */
export function correctedByRun(request: PartitionRequest, learned: LearnedStages): readonly PlannerBoard[] {
  const { boards } = request;
  if (!boards.some(({ id }) => learned.has(id))) return boards;
  const problem = definePartition(request);
  const corrected = correctedByStages(
    boards.map((board, index) => ({
      ...board,
      stages: (learned.get(board.id) ?? []).flatMap((stage) => measuredOf(problem, index, stage)),
    })),
  );
  return boards.map((board, index) => ({ ...board, blocks: corrected[index]! }));
}

const passes = ['forward', 'backward', 'update'] as const;

/** As a measurement of each pass: all are off by as much as their sum. */
function measuredOf(problem: PartitionProblem, index: number, { firstBlock, lastBlock, ...took }: LearnedStage) {
  const { microBatches } = problem;
  const board = problem.boards[index]!;
  const [first, end] = [firstBlock, lastBlock + 1];
  const behind = end < problem.blocks.length ? { board: index, first: end, end: problem.blocks.length } : undefined;
  const { forward, backward, update } = stageStep(problem, { board: index, first, end }, behind);
  const expected = (forward + backward) * microBatches + update;
  const factor = (took.seconds + took.doubtSeconds) / (expected + took.doubtSeconds);
  return passes.map((pass) => {
    const own = board.blocks.slice(first, end).reduce((sum, times) => sum + times[pass], 0);
    return { firstBlock, lastBlock, pass, seconds: board.callSeconds + factor * own };
  });
}
