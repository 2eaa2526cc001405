import {
  blockCosts,
  buildModel,
  type Cuts,
  createOptimizer,
  type StageCost,
  splitIntoBlocks,
  zoo,
} from '../models/index.ts';
import type { BlockCost } from './costs.ts';

/**
 * A block's cost as the partition reckons with it: the optimizer keeps `slots` tensors for each parameter that has
 * a gradient.
 */
export function plannerCost(cost: StageCost, slots: number): BlockCost {
  return {
    name: cost.name,
    forwardFlops: cost.forwardFlops,
    backwardFlops: cost.backwardFlops,
    parameterBytes: cost.parameterBytes,
    optimizerBytes: slots * cost.trainableBytes,
    stashBytesPerMicroBatch: cost.stashBytes,
    workspaceBytes: cost.workspaceBytes,
    outputBytes: cost.outputBytes,
  };
}

export type ModelChoice = {
  /** A name of the zoo. */
  readonly name: string;
  readonly classes?: number;
  /** Of one sample; the model's usual one where absent. */
  readonly inputShape?: readonly number[];
  /** A name of the optimizers' registry, with its default options. */
  readonly optimizer?: string;
  /** 'single' where absent. */
  readonly cuts?: Cuts;
};

/**
 * The blocks of a model for micro-batches of so many samples.
 * @throws UnknownModelError, and what models throws where the shape does not fit
 */
export function modelBlocks(choice: ModelChoice, samples: number): readonly BlockCost[] {
  const { name, classes = 10, optimizer = 'sgd', cuts } = choice;
  const inputShape = choice.inputShape ?? usualInput(name);
  const { graph } = buildModel(name, { batch: samples, classes, inputShape });
  const slots = createOptimizer(optimizer).slots.length;
  return blockCosts(graph, splitIntoBlocks(graph, cuts)).map((cost) => plannerCost(cost, slots));
}

/** The shape of a sample that a model of the zoo is made for; [] where there is none of this name. */
export function usualInput(name: string): readonly number[] {
  return (zoo as Readonly<Record<string, { readonly sample: readonly number[] }>>)[name]?.sample ?? [];
}
