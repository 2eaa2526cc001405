import { type Assignment, type PartitionProblem, stageStep } from './partition/index.ts';
import { buildSchedule } from './schedule/index.ts';
import { type Execution, executeSchedule, type LinkTimes, type Span, type Transit } from './simulate/execute.ts';

/** What one board does with its time, once steps follow each other. */
export type BoardTimes = {
  readonly stage: number;
  readonly board: string;
  readonly busySeconds: number;
  /** Of a step, 0 to 1. */
  readonly idleShare: number;
  /** Seconds that it waits in a step for the stage before and for the stage behind it. */
  readonly waitsForPrevious: number;
  readonly waitsForNext: number;
};

export type LinkUse = {
  readonly from: string;
  readonly to: string;
  /** Of a step, in which a tensor is on the link. */
  readonly busyShare: number;
};

export type Simulation = {
  /** From one step to the next, once steps follow each other. */
  readonly stepSeconds: number;
  /** The first step, which finds all boards idle. */
  readonly firstStepSeconds: number;
  readonly boards: readonly BoardTimes[];
  readonly links: readonly LinkUse[];
  /** One step, the last of those simulated; times are from its first instruction on. */
  readonly timeline: {
    readonly spans: readonly Span[];
    readonly transits: readonly Transit[];
    readonly seconds: number;
  };
};

/** After so many steps each is like the one before. */
const STEPS = 4;

/** Plays an assignment through its schedule, with the boards' times and links. */
export function simulate(problem: PartitionProblem, assignment: Assignment, steps = STEPS): Simulation {
  const schedule = buildSchedule(problem.schedule, assignment.length, problem.microBatches);
  const stages = assignment.map((run, stage) => stageStep(problem, run, assignment[stage + 1]));
  const execution = executeSchedule(schedule, stages, linksOf(problem, assignment), steps);
  const stepSeconds = execution.ends.at(-1)! - (execution.ends.at(-2) ?? 0);
  const names = assignment.map(({ board }) => problem.boards[board]!.id);
  return {
    stepSeconds,
    firstStepSeconds: execution.ends[0]!,
    boards: names.map((board, stage) => boardTimes(execution, stage, board, steps - 1, stepSeconds)),
    links: linkUses(execution, names, steps - 1, stepSeconds),
    timeline: timelineOf(execution, steps - 1),
  };
}

function linksOf({ blocks, linkCost }: PartitionProblem, assignment: Assignment): readonly LinkTimes[] {
  return assignment.slice(0, -1).map(({ board, end }, stage) => {
    const bytes = blocks[end - 1]!.outputBytes;
    const direction = (from: number, to: number) => {
      const { perByte, wirePerByte, latency } = linkCost(from, to);
      return { occupancy: bytes * perByte, onWire: bytes * wirePerByte, latency };
    };
    const behind = assignment[stage + 1]!.board;
    return { activation: direction(board, behind), gradient: direction(behind, board) };
  });
}

function boardTimes(
  { spans, waits }: Execution,
  stage: number,
  board: string,
  step: number,
  stepSeconds: number,
): BoardTimes {
  const own = spans.filter((span) => span.stage === stage && span.step === step);
  const busySeconds = own.reduce((sum, { start, end }) => sum + end - start, 0);
  const waitedFor = (other: number) =>
    waits
      .filter((wait) => wait.stage === stage && wait.step === step && wait.for === other)
      .reduce((sum, { seconds }) => sum + seconds, 0);
  return {
    stage,
    board,
    busySeconds,
    idleShare: stepSeconds > 0 ? Math.max(0, 1 - busySeconds / stepSeconds) : 0,
    waitsForPrevious: waitedFor(stage - 1),
    waitsForNext: waitedFor(stage + 1),
  };
}

function linkUses({ transits }: Execution, names: readonly string[], step: number, stepSeconds: number): LinkUse[] {
  const pairs = names.slice(1).flatMap((_, index) => [[index, index + 1] as const, [index + 1, index] as const]);
  return pairs.map(([from, to]) => {
    const own = transits.filter((transit) => transit.step === step && transit.from === from && transit.to === to);
    const busy = own.reduce((sum, { start, free }) => sum + free - start, 0);
    return { from: names[from]!, to: names[to]!, busyShare: stepSeconds > 0 ? busy / stepSeconds : 0 };
  });
}

function timelineOf({ spans, transits }: Execution, step: number): Simulation['timeline'] {
  const own = spans.filter((span) => span.step === step);
  const origin = Math.min(...own.map(({ start }) => start));
  const shifted = <T extends Span | Transit>(each: T): T => ({
    ...each,
    start: each.start - origin,
    end: each.end - origin,
    ...('free' in each ? { free: each.free - origin } : {}),
  });
  return {
    spans: own.map(shifted),
    transits: transits.filter((transit) => transit.step === step).map(shifted),
    seconds: Math.max(...own.map(({ end }) => end)) - origin,
  };
}
