import { MemoryError } from './errors.ts';
import { assignmentOf, definePartition, type Partition, type PartitionRequest, partition } from './partition/index.ts';
import { type BoardTimes, type Simulation, simulate } from './simulate.ts';
import type { PlannerBoard } from './times.ts';
import { count, duration, listed, percent } from './words.ts';

/** Boards left out of which each gets its own reason. */
const MOST_REASONS = 5;
/** Waiting less than this share of a step is not worth a line. */
const WORTH_SAYING = 0.02;

/**
 * A partition in sentences: who holds what, who waits for whom, who was left out and why, what one more board would
 * change, and how sure it is that there is no better one. One line each.
 */
export function explainPartition(request: PartitionRequest, result: Partition): readonly string[] {
  const problem = definePartition(request);
  const simulation = simulate(problem, assignmentOf(problem, result));
  return [
    ...holdings(result, simulation),
    ...waiting(simulation),
    ...leftOut(request, result),
    ...oneMore(request, result),
    certainty(result),
  ];
}

function holdings({ stages }: Partition, { boards, stepSeconds }: Simulation): readonly string[] {
  return stages.map(({ board, firstBlock, lastBlock, flopsShare, stage }) => {
    const run = firstBlock === lastBlock ? `block ${firstBlock}` : `blocks ${firstBlock} to ${lastBlock}`;
    const { busySeconds, idleShare } = boards[stage]!;
    const busy = `busy ${duration(busySeconds)} of each ${duration(stepSeconds)} step, idle ${percent(idleShare)}`;
    return `${board} holds ${run}, ${percent(flopsShare)} of the work: ${busy}.`;
  });
}

function waiting({ boards, stepSeconds }: Simulation): readonly string[] {
  if (boards.length === 1) return [];
  const slowest = boards.reduce((a, b) => (b.busySeconds > a.busySeconds ? b : a));
  const others = boards.flatMap((board) => {
    const said = waitsOf(board, boards, stepSeconds);
    return said === '' ? [] : [`${board.board} waits ${said}.`];
  });
  return [`The others wait for ${slowest.board}, which computes the longest.`, ...others];
}

function waitsOf(own: BoardTimes, boards: readonly BoardTimes[], stepSeconds: number): string {
  const parts = [
    { seconds: own.waitsForPrevious, whom: boards[own.stage - 1]?.board },
    { seconds: own.waitsForNext, whom: boards[own.stage + 1]?.board },
  ];
  const said = parts
    .filter(({ seconds }) => seconds > WORTH_SAYING * stepSeconds)
    .map(({ seconds, whom }) => `${duration(seconds)} a step for ${whom}`);
  return listed(said);
}

function leftOut(request: PartitionRequest, result: Partition): readonly string[] {
  const { leftOut: names } = result;
  const reasons = names
    .slice(0, MOST_REASONS)
    .map((name) => `${name} is left out: ${reasonFor(name, request, result)}.`);
  const others = names.length - reasons.length;
  return others > 0 ? [...reasons, `${count(others, 'more board')} are left out for such reasons.`] : reasons;
}

function reasonFor(name: string, request: PartitionRequest, result: Partition): string {
  const used = new Set([name, ...result.stages.map(({ board }) => board)]);
  if (used.size > request.blocks.length)
    return 'every board that takes part holds a block, and there are no more blocks';
  const boards = request.boards.filter(({ id }) => used.has(id));
  try {
    const { stepSeconds } = partition({ ...request, boards, useAll: true });
    // The two may be equal: a board that changes nothing is not used.
    if (stepSeconds <= result.stepSeconds) return 'the step would not become shorter with it';
    return `with it a step would take ${times(stepSeconds / result.stepSeconds)} as long`;
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    const { neededBytes, memoryBytes } = error.shortfall;
    return `its memory is too small (a stage needs ${megabytes(neededBytes)}, a board has ${megabytes(memoryBytes)})`;
  }
}

function oneMore(request: PartitionRequest, result: Partition): readonly string[] {
  // Where links differ, it would matter where the new board is.
  const linksDiffer = request.links !== undefined && request.links.everywhere === undefined;
  if (request.useAll === true || request.order === 'given' || linksDiffer) return [];
  const whole = ({ blocks }: PlannerBoard) =>
    blocks.reduce((sum, { forward, backward }) => sum + forward + backward, 0);
  const bySpeed = request.boards.toSorted((a, b) => whole(a) - whole(b));
  const models = new Map([
    ['fastest', bySpeed[0]!],
    ['median', bySpeed[Math.floor(bySpeed.length / 2)]!],
  ]);
  return [...models].map(([what, board]) => {
    const more = { ...board, id: unusedName(request.boards) };
    const { stepSeconds, stages } = partition({ ...request, boards: [...request.boards, more] });
    const alike = `One more board like ${board.id}, the ${what}`;
    if (!stages.some(({ board: id }) => id === more.id) && stepSeconds >= result.stepSeconds) {
      return `${alike}, would change nothing.`;
    }
    const gain = result.stepSeconds / stepSeconds;
    return `${alike}, would make it ${times(gain)} as fast, on ${count(stages.length, 'board')}.`;
  });
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)} times`;
}

function unusedName(boards: readonly PlannerBoard[]): string {
  const names = new Set(boards.map(({ id }) => id));
  let name = 'one-more';
  while (names.has(name)) name += '-more';
  return name;
}

function certainty({ stepSeconds, boundSeconds }: Partition): string {
  const gap = stepSeconds / Math.max(Number.MIN_VALUE, boundSeconds) - 1;
  if (gap < 1e-9) return 'There is no better plan under this model of time: all that could be better were looked at.';
  return `No plan can be more than ${percent(gap)} faster; not all were looked at.`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
