import type { Window } from '../../../../models/index.ts';
import { spaced, uniform } from '../inputs.ts';
import type { Case, Cases } from './case.ts';

/** Windows of every kind, with an input shape for each. */
const windows: readonly [string, Window, readonly number[]][] = [
  ['that tile', { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] }, [2, 2, 4, 4]],
  ['that tile but leave a border', { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] }, [2, 2, 5, 5]],
  ['that overlap', { kernel: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0] }, [1, 2, 7, 7]],
  ['that overlap, padded', { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [2, 2, 6, 6]],
  ['with stride 1, padded', { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] }, [1, 2, 4, 4]],
  ['padded on one side', { kernel: [2, 2], strides: [2, 2], pads: [1, 0, 0, 1] }, [1, 2, 5, 5]],
  ['that skip pixels', { kernel: [2, 2], strides: [3, 3], pads: [0, 0, 0, 0] }, [1, 2, 8, 8]],
  ['of unequal sides', { kernel: [3, 2], strides: [1, 2], pads: [1, 0, 1, 0] }, [1, 2, 4, 6]],
  ['on sequences', { kernel: [2], strides: [2], pads: [0, 0] }, [2, 3, 8]],
  ['on sequences, overlapping and padded', { kernel: [3], strides: [2], pads: [1, 1] }, [2, 3, 8]],
  ['that tile, on 16 channels', { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] }, [2, 16, 4, 4]],
  ['that overlap, on 32 channels', { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [1, 32, 5, 5]],
];

const maximum = ([kind, attributes, shape]: (typeof windows)[number]): Case<'MaxPool'> => ({
  title: `over windows ${kind}`,
  attributes,
  inputs: [spaced(...shape)],
});

const average = ([kind, window, shape]: (typeof windows)[number], countIncludePad: boolean): Case<'AveragePool'> => ({
  title: `over windows ${kind}, ${countIncludePad ? 'padding counted' : 'padding not counted'}`,
  attributes: { ...window, countIncludePad },
  inputs: [uniform(...shape)],
});

const [first, ...others] = windows;

export const poolingCases: Cases<'MaxPool' | 'AveragePool' | 'GlobalAveragePool'> = {
  MaxPool: [maximum(first!), ...others.map(maximum)],
  AveragePool: [
    average(first!, false),
    ...others.map((window) => average(window, false)),
    ...windows.map((window) => average(window, true)),
  ],
  GlobalAveragePool: [
    { title: 'of maps', attributes: {}, inputs: [uniform(2, 3, 4, 5)] },
    { title: 'of sequences', attributes: {}, inputs: [uniform(2, 3, 7)] },
    { title: 'of maps with 32 channels', attributes: {}, inputs: [uniform(2, 32, 3, 3)] },
  ],
};
