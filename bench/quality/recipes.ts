import type { zoo } from '../../models/index.ts';

/** How a model is trained for the comparison. Everything that decides the losses, but for seed and codec. */
export interface Recipe {
  readonly boards: number;
  readonly epochs: number;
  readonly batch: number;
  readonly microBatches: number;
  readonly lr: string;
  readonly weightDecay: number;
  /** Steps that go uncompressed. */
  readonly warmUpSteps: number;
  /** Training samples; all when absent. */
  readonly trainLimit?: number;
}

const usual: Recipe = {
  boards: 2,
  epochs: 3,
  batch: 64,
  microBatches: 2,
  lr: 'cosine:0.05,warmup=20',
  weightDecay: 5e-4,
  warmUpSteps: 20,
};

/** Long enough for a sensible accuracy on CIFAR-10, short enough for two cores. */
export const recipes: Readonly<Partial<Record<keyof typeof zoo, Recipe>>> = {
  cifarnet: usual,
  resnet18: usual,
};

/** The options of `flotilla train` that a recipe stands for. */
export function recipeOptions(recipe: Recipe): readonly string[] {
  const { boards, epochs, batch, microBatches, lr, weightDecay, warmUpSteps, trainLimit } = recipe;
  const options = {
    boards,
    epochs,
    batch,
    'micro-batches': microBatches,
    lr,
    'weight-decay': weightDecay,
    'warm-up-steps': warmUpSteps,
    'train-limit': trainLimit,
  };
  return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]));
}
