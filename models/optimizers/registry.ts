import { ModelError } from '../errors.ts';
import { adamw } from './adamw.ts';
import type { Optimizer } from './optimizer.ts';
import { sgd } from './sgd.ts';

type Numbers = Readonly<Record<string, number>>;

interface Entry {
  readonly defaults: Numbers;
  readonly make: (options: Numbers, clipNorm: number | undefined) => Optimizer;
}

/** Every optimizer by name, with the options it takes and their defaults (PyTorch's, but SGD with momentum). */
const registry = {
  sgd: {
    defaults: { momentum: 0.9, weightDecay: 0 },
    make: (options, clipNorm) => sgd({ momentum: options.momentum!, weightDecay: options.weightDecay!, clipNorm }),
  },
  adamw: {
    defaults: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
    make: (options, clipNorm) =>
      adamw({
        beta1: options.beta1!,
        beta2: options.beta2!,
        epsilon: options.epsilon!,
        weightDecay: options.weightDecay!,
        clipNorm,
      }),
  },
} satisfies Record<string, Entry>;

export type OptimizerName = keyof typeof registry;
export const optimizerNames = Object.keys(registry) as readonly OptimizerName[];

/**
 * An optimizer by name. `options` may leave out what has a default; `clipNorm` is an option of all.
 * @throws ModelError for a name, an option or a value that is not known
 */
export function createOptimizer(name: string, options: Numbers = {}): Optimizer {
  const entry = Object.hasOwn(registry, name) ? (registry[name as OptimizerName] as Entry) : undefined;
  if (entry === undefined) {
    throw new ModelError(
      'OPTIMIZER_UNKNOWN',
      `unknown optimizer '${name}': choose one of ${optimizerNames.join(', ')}`,
    );
  }
  const { clipNorm, ...own } = options;
  const known = Object.keys(entry.defaults);
  for (const [key, value] of Object.entries(own)) {
    if (!known.includes(key)) {
      throw new ModelError(
        'OPTIMIZER_OPTION',
        `${name} takes no option '${key}': it takes ${known.join(', ')}, clipNorm`,
      );
    }
    if (!Number.isFinite(value) || value < 0) {
      throw new ModelError('OPTIMIZER_OPTION', `${name}: ${key} is ${value}, give a number from 0 up`);
    }
  }
  if (clipNorm !== undefined && !(clipNorm > 0)) {
    throw new ModelError('OPTIMIZER_OPTION', `${name}: clipNorm is ${clipNorm}, give a number above 0`);
  }
  return entry.make({ ...entry.defaults, ...own }, clipNorm);
}
