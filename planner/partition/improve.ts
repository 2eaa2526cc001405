import { fitsMemory, stepSeconds } from './objective.ts';
import type { Assignment, PartitionProblem, Run } from './problem.ts';

export type Candidate = { readonly assignment: Assignment; readonly seconds: number };

const SHIFTS = [1, -1, 2, -2, 4, -4, 8, -8];
/** Boards outside of the plan that are tried in it: the fastest few. */
const NEWCOMERS = 6;

/**
 * Makes small changes for as long as the step gets shorter: a cut moves, two boards change places, a board comes in,
 * leaves, or takes another's place; after each change of boards the cuts are moved again. Ends after `tries`
 * evaluations at the latest. Never worse than `start`.
 */
export function improve(problem: PartitionProblem, start: Candidate, tries: number): Candidate {
  const climb = new Climb(problem, start, tries);
  climb.shiftCuts();
  while (climb.changeBoards());
  return climb.best;
}

class Climb {
  best: Candidate;
  readonly #problem: PartitionProblem;
  #left: number;

  constructor(problem: PartitionProblem, start: Candidate, tries: number) {
    this.#problem = problem;
    this.best = start;
    this.#left = tries;
  }

  shiftCuts(): void {
    this.best = this.#shifted(this.best);
  }

  /** Whether a change of boards was found that helps. */
  changeBoards(): boolean {
    for (const changed of this.#changes(this.best.assignment)) {
      if (this.#left <= 0) return false;
      if (!fitsMemory(this.#problem, changed)) continue;
      const candidate = this.#rated(changed);
      // Far off after the change alone: moving cuts will not make up for it.
      if (candidate.seconds > 1.5 * this.best.seconds) continue;
      const shifted = this.#shifted(candidate);
      if (shifted.seconds < this.best.seconds * (1 - 1e-12)) {
        this.best = shifted;
        return true;
      }
    }
    return false;
  }

  #rated(assignment: Assignment): Candidate {
    this.#left--;
    return { assignment, seconds: stepSeconds(this.#problem, assignment) };
  }

  /** Moves one cut after another while that helps. */
  #shifted(from: Candidate): Candidate {
    let best = from;
    for (let helped = true; helped && this.#left > 0; ) {
      helped = false;
      for (let cut = 1; cut < best.assignment.length; cut++) {
        for (const shift of SHIFTS) {
          const moved = this.#moveCut(best.assignment, cut, shift);
          if (moved === undefined) continue;
          const candidate = this.#rated(moved);
          if (candidate.seconds >= best.seconds * (1 - 1e-12)) continue;
          best = candidate;
          helped = true;
        }
      }
    }
    return best;
  }

  #moveCut(runs: Assignment, cut: number, shift: number): Assignment | undefined {
    const before = runs[cut - 1]!;
    const behind = runs[cut]!;
    const at = behind.first + shift;
    if (at <= before.first || at >= behind.end) return undefined;
    const position = runs.length - 1 - cut;
    const { fits } = this.#problem;
    if (!fits(before.board, position + 1, before.first, at) || !fits(behind.board, position, at, behind.end)) {
      return undefined;
    }
    return runs.with(cut - 1, { ...before, end: at }).with(cut, { ...behind, first: at });
  }

  *#changes(runs: Assignment): Generator<Assignment> {
    const { keepsOrder, useAll, first } = this.#problem;
    const isFree = (stage: number) => first === undefined || stage > 0;
    if (!keepsOrder) {
      for (let a = 0; a < runs.length; a++) {
        for (let b = a + 1; b < runs.length; b++) if (isFree(a)) yield swapped(runs, a, b);
      }
    }
    if (useAll) return;
    for (let stage = 0; stage < runs.length && runs.length > 1; stage++) if (isFree(stage)) yield removed(runs, stage);
    for (const board of this.#newcomers(runs)) {
      for (let stage = 0; stage < runs.length; stage++) {
        if (isFree(stage)) yield runs.with(stage, { ...runs[stage]!, board });
        for (const inserted of insertions(runs, stage, board)) if (isFree(inserted.at)) yield inserted.runs;
      }
    }
  }

  #newcomers(runs: Assignment): readonly number[] {
    const { boards, times, blocks, keepsOrder } = this.#problem;
    if (keepsOrder) return [];
    const used = new Set(runs.map(({ board }) => board));
    const whole = (board: number) => times[board]!.forward[blocks.length]! + times[board]!.backward[blocks.length]!;
    const free = boards.map((_, board) => board).filter((board) => !used.has(board));
    return free.sort((a, b) => whole(a) - whole(b)).slice(0, NEWCOMERS);
  }
}

function swapped(runs: Assignment, a: number, b: number): Assignment {
  return runs.with(a, { ...runs[a]!, board: runs[b]!.board }).with(b, { ...runs[b]!, board: runs[a]!.board });
}

/** The stage's blocks go to the stage behind, or before where there is none. */
function removed(runs: Assignment, stage: number): Assignment {
  const { first, end } = runs[stage]!;
  const others = runs.toSpliced(stage, 1);
  return stage < others.length
    ? others.with(stage, { ...others[stage]!, first })
    : others.with(stage - 1, { ...others[stage - 1]!, end });
}

/** The board takes the first or the second half of the stage's blocks. */
function insertions(runs: Assignment, stage: number, board: number): readonly { at: number; runs: Assignment }[] {
  const { first, end } = runs[stage]!;
  if (end - first < 2) return [];
  const middle = (first + end) >> 1;
  const one: Run = { board, first, end: middle };
  const other: Run = { board, first: middle, end };
  return [
    { at: stage, runs: runs.toSpliced(stage, 1, one, { ...runs[stage]!, first: middle }) },
    { at: stage + 1, runs: runs.toSpliced(stage, 1, { ...runs[stage]!, end: middle }, other) },
  ];
}
