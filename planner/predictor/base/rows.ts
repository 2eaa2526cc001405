import type { Work } from '../work/work.ts';
import { shrunkenMean } from './shrinking.ts';
import { type StageSum, stageSum, type Within } from './within.ts';

/**
 * What rows of a model's blocks take beyond what their sum says, in logarithms, on any board: a random effect of the model's
 * pass, by `rowsOf`. A model that no board was seen to compute has none.
 */
export type RowEffects = ReadonlyMap<string, number>;

/** Whose blocks a work is of: 'resnet18', 'resnet18@double'. */
export const modelOf = ({ id }: Work) => id.slice(0, id.lastIndexOf('/'));

/** What a block's rows are: those of its model and pass, 'resnet18 backward'. */
export const rowsOf = (work: Work) => `${modelOf(work)} ${work.pass}`;

export const rowEffectOf = (effects: RowEffects, work: Work) => effects.get(rowsOf(work)) ?? 0;

/** A stage on one board. */
export interface BoardStage {
  readonly board: number;
  readonly stage: StageSum;
}

/** What `within` leaves, a board counting as one however many of its rows were measured. Passes that were measured as one tell nothing of either. */
export function fitRowEffects(stages: readonly BoardStage[], within: Within): RowEffects {
  const rests = stages.flatMap(({ board, stage }) => {
    const [part, ...others] = stage.parts;
    if (part === undefined || others.length > 0) return [];
    return [{ name: part.rows, board, log: Math.log(stage.seconds / stageSum(stage, within)) }];
  });
  return new Map(
    [...Map.groupBy(rests, ({ name }) => name)].map(([name, all]) => {
      const boards = new Set(all.map(({ board }) => board)).size;
      return [name, shrunkenMean(all.map(({ log }) => ({ log, boards: boards / all.length })))];
    }),
  );
}
