import { type Plan, replicaMemory, replicaStage, type StateSource } from '../index.ts';
import { stateBytes } from './capture-cost.ts';
import type { FleetState, RunState } from './state.ts';

// State that boards hold for the loss of others, as docs/recovery.md tells it.

/** A process that holds state: a board that is started anew holds none. */
export type Holder = { readonly board: string; readonly pid: number };

/** A state of all blocks that boards hold: of which step, and by block who. */
export type Replica = { readonly step: number; readonly holders: readonly (readonly Holder[])[] };

type Boards = FleetState['boards'];
type Stages = RunState['stages'];

/** Who holds the blocks of a step that all stages have sent to their neighbours: each stage, and its neighbour. */
export function replicaOf(step: number, stages: Stages, boards: Boards): Replica {
  const holder = (index: number | undefined): readonly Holder[] => {
    const stage = stages[index ?? -1];
    const pid = stage === undefined || stage.stopped ? undefined : boards.get(stage.board)?.online?.pid;
    return pid === undefined ? [] : [{ board: stage!.board, pid }];
  };
  const holders = stages.flatMap(({ stage, firstBlock, lastBlock }) => {
    const both = [...holder(stage), ...holder(replicaStage(stage, stages.length))];
    return Array.from({ length: lastBlock - firstBlock + 1 }, () => both);
  });
  return { step, holders };
}

/** Every board that holds something of it. */
export function holdersOf(replica: Replica | undefined): readonly string[] {
  return [...new Set((replica?.holders ?? []).flat().map(({ board }) => board))];
}

/** Without a board that has said that it does not hold what it is asked for. */
export function withoutHolder(replica: Replica | undefined, board: string): Replica | undefined {
  if (replica === undefined) return undefined;
  return { ...replica, holders: replica.holders.map((holders) => holders.filter((holder) => holder.board !== board)) };
}

/** The newest step that the state of every block can be had of: from boards that are there, or from the hub. */
export function restorableStep({ replica, held, origin }: RunState, boards: Boards): number {
  const step = held ?? origin.fromStep;
  if (replica === undefined || replica.step <= step) return step;
  return replica.holders.every((holders) => holders.some((holder) => isThere(holder, boards))) ? replica.step : step;
}

/**
 * Who gives each block its state of the step that the term begins with: boards rather than the hub, whose wire all share; of
 * these the one that goes on with the block, then those of the plan. Empty where boards start from the seed.
 * Undefined where somebody who held a block is gone.
 */
export function sourcesFor(run: RunState, plan: Plan, boards: Boards): readonly StateSource[] | undefined {
  const { request, replica, held, origin } = run;
  const { fromStep } = request.settings;
  if (!request.restores) return [];
  const isAtHub = fromStep === held || fromStep === origin.fromStep;
  const inPlan = new Set(plan.stages.map(({ board }) => board));
  const sources = plan.stages.flatMap(({ board, firstBlock, lastBlock }) => {
    return Array.from({ length: lastBlock - firstBlock + 1 }, (_, index): StateSource | undefined => {
      const holders = replica?.step === fromStep ? replica.holders[firstBlock + index]! : [];
      const there = holders.filter((holder) => isThere(holder, boards)).map((holder) => holder.board);
      const best = there.find((id) => id === board) ?? there.find((id) => inPlan.has(id)) ?? there[0];
      return best ?? (isAtHub ? null : undefined);
    });
  });
  return sources.includes(undefined) ? undefined : (sources as readonly StateSource[]);
}

/** A drained board gives what it holds; a silent one cannot be asked. */
function isThere({ board, pid }: Holder, boards: Boards): boolean {
  const { online, silent = false } = boards.get(board) ?? {};
  return online?.pid === pid && !silent;
}

/** What boards of the plan need for replicas besides their stages, by board. */
export function replicaBytes({ plan, request }: RunState): ReadonlyMap<string, number> {
  const bytes = stateBytes(request.layout);
  const stages = plan?.stages ?? [];
  const needed = replicaMemory(
    stages.map(({ firstBlock, lastBlock }) => {
      return bytes.slice(firstBlock, lastBlock + 1).reduce((sum, each) => sum + each, 0);
    }),
  );
  return new Map(stages.map(({ board }, index) => [board, needed[index]!]));
}

/** A board that has no room for replicas besides its stage; undefined where all have. Bytes. */
export function replicaShortfall(run: RunState, boards: Boards) {
  const needed = replicaBytes(run);
  return (run.plan?.stages ?? [])
    .map(({ board, memoryBytes: stage }) => {
      const { memoryBytes = Infinity } = boards.get(board)?.profile ?? {};
      return { board, neededBytes: stage + needed.get(board)!, memoryBytes };
    })
    .find(({ neededBytes, memoryBytes }) => neededBytes > memoryBytes);
}

/** Whether boards are to hold each other's state: there are several, and a loss is to be made up for. */
export function isReplicationWanted({ request, stages }: RunState): boolean {
  const { replicateEverySteps = 0, onLoss } = request.settings;
  return replicateEverySteps !== 0 && onLoss !== 'stop' && stages.length > 1;
}

/** Whether they do: all have room for it. */
export function replicates(run: RunState, boards: Boards): boolean {
  return isReplicationWanted(run) && replicaShortfall(run, boards) === undefined;
}
