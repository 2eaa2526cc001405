import { type Cuts, createOptimizer, type LearningRateSchedule, rateAt } from '../../models/index.ts';
import {
  buildSchedule,
  type Plan,
  PlanConflictError,
  type PlanStage,
  type StageInstructions,
} from '../../planner/index.ts';
import { batchSource, FLIP_AND_CROP, openDataSet } from '../data/index.ts';
import type { StageSpecification } from '../engine/index.ts';
import type { SampleSource } from '../runtime/stage-runtime.ts';

/** One board's part of a plan, as the agent needs it. */
export interface PlannedStage {
  readonly plan: Plan;
  readonly index: number;
  readonly own: PlanStage;
  readonly previous: PlanStage | undefined;
  readonly next: PlanStage | undefined;
  readonly first: PlanStage;
  readonly last: PlanStage;
  readonly instructions: StageInstructions;
}

/** @throws PlanConflictError where the plan gives this stage to another board */
export function plannedStage(plan: Plan, index: number, board: string): PlannedStage {
  const own = plan.stages[index];
  if (own?.board !== board) {
    throw new PlanConflictError(`stage ${index} belongs to '${own?.board}', not to '${board}'`);
  }
  return {
    plan,
    index,
    own,
    previous: plan.stages[index - 1],
    next: plan.stages[index + 1],
    first: plan.stages[0]!,
    last: plan.stages.at(-1)!,
    instructions: buildSchedule(plan.schedule, plan.stages.length, plan.microBatches)[index]!,
  };
}

export function samplesPerMicroBatch({ batch, microBatches }: Plan): number {
  return batch / microBatches;
}

export function specificationOf({ plan, own, instructions }: PlannedStage, threads: number): StageSpecification {
  const { classes, inputShape, cuts } = plan.model.options as { classes: number; inputShape: number[]; cuts?: Cuts };
  return {
    model: plan.model.name,
    classes,
    inputShape,
    ...(cuts === undefined ? {} : { cuts }),
    microBatch: samplesPerMicroBatch(plan),
    microBatches: plan.microBatches,
    firstBlock: own.firstBlock,
    lastBlock: own.lastBlock,
    fused: instructions.some((instruction) => instruction.kind === 'forwardBackward'),
    optimizer: { name: plan.optimizer.name, options: plan.optimizer.options as Record<string, number> },
    seed: plan.seed,
    threads,
  };
}

/** Whether an engine that has loaded the one can go on with the other. */
export function isSameStage(one: PlannedStage, other: PlannedStage): boolean {
  const [a, b] = [one, other].map((planned) => JSON.stringify(specificationOf(planned, 0)));
  return a === b;
}

export function clips({ optimizer }: Plan): boolean {
  return createOptimizer(optimizer.name, optimizer.options as Record<string, number>).clipNorm !== undefined;
}

export function learningRateOf({ learningRate }: Plan): (step: number) => number {
  const { totalSteps = 1, ...options } = learningRate.options as Record<string, number>;
  const schedule = { kind: learningRate.name, ...options } as LearningRateSchedule;
  return (step) => rateAt(schedule, step, totalSteps);
}

/** The samples that stage 0 reads, as the plan's `data` says. */
export async function openSamples({ data, batch, seed }: Plan, signal: AbortSignal): Promise<SampleSource> {
  const { augment = false, trainLimit } = (data?.options ?? {}) as { augment?: boolean; trainLimit?: number };
  const dataSet = await openDataSet(data?.name ?? 'shapes', {
    split: 'train',
    signal,
    ...(trainLimit === undefined ? {} : { limit: trainLimit }),
  });
  return batchSource({ dataSet, batch, seed, ...(augment ? { augment: FLIP_AND_CROP } : {}) });
}
