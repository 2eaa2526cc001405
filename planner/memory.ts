import type { RunCost } from './costs.ts';
import { replicatedTo } from './replicas.ts';
import { defaultQueueCapacity } from './schedule/index.ts';

/**
 * Bytes of an agent before it holds a model: Node 24, broker, client and a worker with ONNX Runtime loaded measured
 * 87 MB resident on x64; the rest is for sessions, graphs and frames being signed.
 */
export const engineBaseBytes = 110e6;

/** What a stage keeps in memory, in bytes. */
export type StageMemory = {
  readonly parameters: number;
  readonly optimizer: number;
  /** The sums over the micro-batches of a step, and beside them the gradients of the one being computed. */
  readonly gradients: number;
  readonly stash: number;
  /** Tensors received and not yet used. */
  readonly messages: number;
  readonly workspace: number;
  readonly engine: number;
};

export type MemorySituation = {
  /** Micro-batches between forward and backward, from `stashSlots`. */
  readonly stashSlots: number;
  readonly queueCapacity?: number;
  readonly engineBytes?: number;
};

/**
 * Memory that a stage of these blocks needs. A fused loss stage has no stash slot, yet while it runs it holds what one
 * micro-batch's backward needs, so that at least one is always counted.
 */
export function estimateStageMemory(run: RunCost, situation: MemorySituation): StageMemory {
  const { stashSlots, queueCapacity = defaultQueueCapacity, engineBytes = engineBaseBytes } = situation;
  return {
    parameters: run.parameterBytes,
    optimizer: run.optimizerBytes,
    gradients: 2 * run.parameterBytes,
    stash: run.stashBytesPerMicroBatch * Math.max(1, stashSlots),
    messages: (run.inputBytes + run.outputBytes) * queueCapacity,
    workspace: run.workspaceBytes,
    engine: engineBytes,
  };
}

/** The whole, in bytes. */
export function totalMemory(memory: StageMemory): number {
  const { parameters, optimizer, gradients, stash, messages, workspace, engine } = memory;
  return parameters + optimizer + gradients + stash + messages + workspace + engine;
}

/** One that counts, and one that is on its way. */
const REPLICAS = 2;

/**
 * What each stage needs besides while a replica is under way: its own snapshots and the replicas of the stages that it keeps.
 * @param stateBytes parameters and optimizer state of each stage
 */
export function replicaMemory(stateBytes: readonly number[]): readonly number[] {
  const { length } = stateBytes;
  if (length < 2) return stateBytes.map(() => 0);
  return stateBytes.map((own, stage) => {
    const kept = replicatedTo(stage, length).reduce((sum, other) => sum + stateBytes[other]!, 0);
    return REPLICAS * (own + kept);
  });
}
