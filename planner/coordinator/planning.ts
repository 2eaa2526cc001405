import { createPlan, type PartitionRequest, type Plan, partition, partitionOfSplit, timesFromFlops } from '../index.ts';
import { plannerBoard } from './costs.ts';
import type { OnlineBoard, RunRequest } from './state.ts';
import type { RunSettings } from './types.ts';

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

/**
 * The run's plan on these boards. Who asks for boards expects all of them to be used, and those that are named in the
 * order in which they are named. Their times are taken from flops until boards have profiles.
 * @throws MemoryError and others of the partition, PlanFieldError and others of plans
 */
export function planOf({ settings, term, blocks }: RunRequest, boards: readonly OnlineBoard[]): Plan {
  const { run, model, data, batch, microBatches, schedule, optimizer, learningRate, seed, split, codecs } = settings;
  const request: PartitionRequest = {
    blocks,
    boards: boards.map((board) => timesFromFlops(plannerBoard(board), blocks)),
    microBatches,
    schedule,
    useAll: true,
    order: typeof settings.boards === 'number' ? 'any' : 'given',
  };
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
    ...codecsOf(codecs, boards.length - 1),
    partition: split === undefined ? partition(request) : partitionOfSplit(request, heldBy(boards, split)),
    dataUrls: Object.fromEntries(boards.map(({ id, dataUrl }) => [id, dataUrl])),
  });
}

/** Every link alike. A run on one board has none. */
function codecsOf(codecs: RunSettings['codecs'], links: number): Pick<Plan, 'codecs'> {
  if (codecs === undefined || links === 0) return {};
  const { warmUpSteps, forward, backward } = codecs;
  return { codecs: { warmUpSteps, links: Array.from({ length: links }, () => ({ forward, backward })) } };
}

/** A split by where each stage ends, as who holds how many blocks. */
function heldBy(boards: readonly OnlineBoard[], ends: readonly number[]) {
  return boards.map(({ id }, stage) => ({ board: id, blocks: (ends[stage] ?? 0) - (ends[stage - 1] ?? 0) }));
}
