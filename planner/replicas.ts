import { blocksByTaker } from './block-moves.ts';
import type { Plan } from './plan.ts';

// Where the state of stages is held besides: docs/recovery.md, State that is held.

/** The stage that keeps a stage's replica: the one behind it, or before it for the last; undefined where there is no other. */
export function replicaStage(stage: number, stages: number): number | undefined {
  if (stages < 2) return undefined;
  return stage === stages - 1 ? stage - 1 : stage + 1;
}

/** The stages whose replicas this one keeps. */
export function replicatedTo(stage: number, stages: number): readonly number[] {
  return Array.from({ length: stages }, (_, other) => other).filter((other) => replicaStage(other, stages) === stage);
}

/** What a board reports that does not hold what it is to give. */
export const STATE_NOT_HELD = 'STATE_NOT_HELD';

/** Who gives a block's state to whoever holds it in the next plan: a board, or null for the hub. */
export type StateSource = string | null;

/** What a board has to do so that all boards of a plan get their state: every block from its source. */
export type Restoring = {
  /** Blocks of its stage, by who gives them. Empty for a board that has no stage in the plan. */
  readonly own: readonly number[];
  readonly fromHub: readonly number[];
  readonly gets: readonly number[];
  readonly givers: readonly string[];
  /** Blocks that it gives, by the board that gets them. */
  readonly gives: ReadonlyMap<string, readonly number[]>;
};

/** Of nothing where nobody gives anything: then boards start from the seed. */
export function restoringOf({ stages }: Plan, sources: readonly StateSource[], board: string): Restoring {
  const moves = stages.flatMap(({ board: to, firstBlock, lastBlock }) =>
    sources.slice(firstBlock, lastBlock + 1).map((from, index) => ({ block: firstBlock + index, from, to })),
  );
  const got = moves.filter(({ to }) => to === board);
  const given = moves.filter(({ from, to }) => from === board && to !== board);
  const blocksFrom = (isIt: (from: StateSource) => boolean) =>
    got.filter(({ from }) => isIt(from)).map(({ block }) => block);
  const isOther = (from: StateSource): from is string => from !== null && from !== board;
  return {
    own: blocksFrom((from) => from === board),
    fromHub: blocksFrom((from) => from === null),
    gets: blocksFrom(isOther),
    givers: [...new Set(got.map(({ from }) => from).filter(isOther))],
    gives: blocksByTaker(given),
  };
}
