import { createPlan, givenPartition, type Plan, partition } from '../index.ts';
import { plannerBoard } from './costs.ts';
import type { OnlineBoard, RunRequest } from './state.ts';

/**
 * The boards to train on, in the order of the pipeline: those asked for by name, or the strongest of those online.
 * Undefined while there are too few.
 */
export function chooseBoards(
  wanted: number | readonly string[],
  online: readonly OnlineBoard[],
): readonly OnlineBoard[] | undefined {
  if (typeof wanted !== 'number') {
    const named = wanted.flatMap((id) => online.find((board) => board.id === id) ?? []);
    return named.length === wanted.length ? named : undefined;
  }
  if (online.length < wanted) return undefined;
  const strongest = online.toSorted((a, b) => b.cores - a.cores).slice(0, wanted);
  return online.filter((board) => strongest.includes(board));
}

/** The run's plan on these boards. @throws MemoryError and others of the partition, PlanFieldError and others of plans */
export function planOf({ settings, term, blocks }: RunRequest, boards: readonly OnlineBoard[]): Plan {
  const { run, model, data, batch, microBatches, schedule, optimizer, learningRate, seed, split } = settings;
  const request = { blocks, boards: boards.map(plannerBoard), microBatches, schedule };
  return createPlan({
    run,
    term,
    model: { name: model.name, options: { classes: model.classes, inputShape: model.inputShape } },
    data,
    batch,
    microBatches,
    schedule,
    optimizer,
    learningRate,
    seed,
    partition: split === undefined ? partition(request) : givenPartition(request, split),
    dataUrls: Object.fromEntries(boards.map(({ id, dataUrl }) => [id, dataUrl])),
  });
}
