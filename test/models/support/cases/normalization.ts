import { fixed, positive, uniform } from '../inputs.ts';
import type { Case, Cases } from './case.ts';

const batch = (title: string, shape: readonly number[], momentum = 0.1): Case<'BatchNormalization'> => ({
  title,
  attributes: { epsilon: 1e-5, momentum },
  inputs: [
    uniform(...shape),
    positive(shape[1]!),
    uniform(shape[1]!),
    fixed((index) => index / 10, shape[1]!),
    fixed((index) => 1 + index / 10, shape[1]!),
  ],
});

function layer(title: string, shape: readonly number[], axis: number): Case<'LayerNormalization'> {
  const normalized = shape.slice(axis);
  return {
    title,
    attributes: { axis, epsilon: 1e-5 },
    inputs: [uniform(...shape), positive(...normalized), uniform(...normalized)],
  };
}

export const normalizationCases: Cases<'BatchNormalization' | 'LayerNormalization'> = {
  BatchNormalization: [
    batch('of features', [6, 3]),
    batch('of sequences', [3, 4, 5]),
    batch('of maps', [2, 3, 4, 4]),
    batch('of maps with another momentum', [2, 3, 2, 2], 0.5),
    batch('of maps with 32 channels', [2, 32, 3, 3]),
    batch('of maps with 24 channels', [2, 24, 2, 2]),
    batch('of single pixels with 16 channels', [4, 16, 1, 1]),
  ],
  LayerNormalization: [
    layer('over the last axis', [3, 5], -1),
    layer('over the last of three axes', [2, 3, 6], 2),
    layer('over the last two axes', [2, 3, 4], 1),
    layer('over the last two of four axes', [2, 2, 3, 4], -2),
    layer('over all axes', [3, 4], 0),
  ],
};
