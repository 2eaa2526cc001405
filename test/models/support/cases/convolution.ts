import type { Convolution } from '../../../../models/index.ts';
import { uniform } from '../inputs.ts';
import type { Case, Cases } from './case.ts';

interface Shapes {
  /** [N, C, …] */
  readonly x: readonly number[];
  readonly outputs: number;
  readonly kernel: readonly number[];
  readonly bias?: boolean;
}

/** A convolution with stride 1, no padding, no dilation and one group unless `options` says otherwise. */
function conv(title: string, shapes: Shapes, options: Partial<Convolution> = {}): Case<'Conv'> {
  const { x, outputs, kernel, bias = false } = shapes;
  const groups = options.groups ?? 1;
  const ones = kernel.map(() => 1);
  const weights = uniform(outputs, x[1]! / groups, ...kernel);
  return {
    title,
    attributes: {
      kernel,
      strides: ones,
      pads: [...kernel, ...kernel].map(() => 0),
      dilations: ones,
      groups,
      ...options,
    },
    inputs: bias ? [uniform(...x), weights, uniform(outputs)] : [uniform(...x), weights],
  };
}

const small = { x: [2, 2, 5, 5], outputs: 3, kernel: [3, 3] } as const;
const same = { pads: [1, 1, 1, 1] } as const;
const halved = { ...same, strides: [2, 2] } as const;

export const convolutionCases: Cases<'Conv'> = {
  Conv: [
    conv('without padding', small),
    conv('padded, with bias', { ...small, bias: true }, same),
    conv('with asymmetric pads', small, { pads: [0, 1, 2, 1] }),
    conv('with stride 2 on odd sizes', small, halved),
    conv('with stride 2 on even sizes, which leaves a border unread', { ...small, x: [2, 2, 6, 6] }, halved),
    conv(
      'with stride 3, larger than the kernel of 2',
      { ...small, kernel: [2, 2], x: [1, 2, 8, 8] },
      { strides: [3, 3] },
    ),
    conv('with unequal strides', small, { strides: [1, 2] }),
    conv('with dilation 2', { ...small, x: [1, 2, 7, 7] }, { dilations: [2, 2], pads: [2, 2, 2, 2] }),
    conv('with dilation and stride', { ...small, x: [1, 2, 8, 7] }, { dilations: [2, 1], strides: [2, 2] }),
    conv('with a kernel of 3 by 1', { ...small, kernel: [3, 1] }, { pads: [1, 0, 1, 0] }),
    conv('with a kernel of 5', { ...small, kernel: [5, 5] }, { pads: [2, 2, 2, 2] }),
    conv('pointwise', { ...small, kernel: [1, 1], bias: true }),
    conv('pointwise with stride 2', { ...small, kernel: [1, 1] }, { strides: [2, 2] }),
    conv('in two groups', { ...small, x: [2, 4, 4, 4], outputs: 6, bias: true }, { groups: 2, ...same }),
    conv('depthwise', { ...small, x: [2, 3, 4, 4], outputs: 3 }, { groups: 3, ...same }),
    conv('depthwise with two outputs a channel', { ...small, x: [2, 3, 4, 4], outputs: 6 }, { groups: 3, ...halved }),
    conv('one-dimensional', { x: [2, 3, 9], outputs: 4, kernel: [5], bias: true }, { pads: [2, 2] }),
    conv(
      'one-dimensional with stride, dilation and asymmetric pads',
      { x: [2, 3, 11], outputs: 4, kernel: [3] },
      {
        strides: [2],
        dilations: [2],
        pads: [1, 2],
      },
    ),
    conv('one-dimensional depthwise', { x: [2, 3, 8], outputs: 3, kernel: [3] }, { groups: 3, pads: [1, 1] }),
    conv('one-dimensional with 16 channels', { x: [2, 16, 8], outputs: 16, kernel: [3] }, { pads: [1, 1] }),
    conv('of 16 to 32 channels', { x: [2, 16, 4, 4], outputs: 32, kernel: [3, 3] }, same),
    conv('of 16 to 32 channels, batch 16 on maps of 2', { x: [16, 16, 2, 2], outputs: 32, kernel: [3, 3] }, same),
    conv('of 32 to 16 channels with bias', { x: [1, 32, 5, 3], outputs: 16, kernel: [3, 3], bias: true }, same),
    conv('of 16 to 16 channels with stride 2', { x: [2, 16, 6, 6], outputs: 16, kernel: [3, 3] }, halved),
    conv('of 3 to 16 channels', { x: [2, 3, 6, 6], outputs: 16, kernel: [3, 3] }, same),
    conv('pointwise of 32 to 16 channels', { x: [2, 32, 4, 4], outputs: 16, kernel: [1, 1] }),
    conv(
      'pointwise of 16 to 32 channels with stride 2',
      { x: [2, 16, 4, 4], outputs: 32, kernel: [1, 1] },
      {
        strides: [2, 2],
      },
    ),
    conv('pointwise of 24 to 16 channels', { x: [2, 24, 3, 3], outputs: 16, kernel: [1, 1] }),
    conv('depthwise with 32 channels', { x: [2, 32, 4, 4], outputs: 32, kernel: [3, 3] }, { groups: 32, ...same }),
    conv(
      'depthwise with 32 channels and stride 2',
      { x: [2, 32, 4, 4], outputs: 32, kernel: [3, 3] },
      {
        groups: 32,
        ...halved,
      },
    ),
    conv(
      'depthwise with 24 channels, batch 16',
      { x: [16, 24, 3, 3], outputs: 24, kernel: [3, 3] },
      {
        groups: 24,
        ...same,
      },
    ),
  ],
};
