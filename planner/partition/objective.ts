import { timesOfRun } from '../times.ts';
import type { Assignment, PartitionProblem, Run } from './problem.ts';
import { LANES, noLink, type StageStep } from './step-model.ts';

/** Seconds of one stage, and of its link to the stage behind it (0 where there is none). */
export function stageStep(problem: PartitionProblem, { board, first, end }: Run, behind: Run | undefined): StageStep {
  const { times, model, blocks, linkCost } = problem;
  const own = timesOfRun(times[board]!, first, end, behind === undefined && model.fusesLoss);
  if (behind === undefined) return { ...own, ...noLink };
  const there = linkCost(board, behind.board);
  const back = linkCost(behind.board, board);
  const bytes = blocks[end - 1]!.outputBytes;
  return {
    ...own,
    roundTrip: there.latency + back.latency + bytes * (there.perByte + back.perByte),
    activationOccupancy: bytes * there.perByte,
    gradientOccupancy: bytes * back.perByte,
    activationOnWire: bytes * there.wirePerByte,
    gradientOnWire: bytes * back.wirePerByte,
  };
}

/** Seconds from one step to the next under this assignment: what the search makes as small as it can be. */
export function stepSeconds(problem: PartitionProblem, assignment: Assignment): number {
  const { model } = problem;
  const lanes = new Float64Array(2 * LANES);
  const [behind, out] = [lanes.subarray(0, LANES), lanes.subarray(LANES)];
  for (let stage = assignment.length - 1; stage >= 0; stage--) {
    const next = assignment[stage + 1];
    const step = stageStep(problem, assignment[stage]!, next);
    if (next === undefined) model.last(step, out);
    else model.prepend(step, assignment.length - 1 - stage, behind, 0, out);
    behind.set(out);
  }
  return model.step(behind, 0);
}

/** Whether every stage fits into its board's memory. */
export function fitsMemory(problem: PartitionProblem, assignment: Assignment): boolean {
  return assignment.every(({ board, first, end }, stage) =>
    problem.fits(board, assignment.length - 1 - stage, first, end),
  );
}
