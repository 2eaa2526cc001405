import type { SliceAttributes } from '../../../../models/index.ts';
import { integers, uniform } from '../inputs.ts';
import type { Case, Cases } from './case.ts';

type LayoutOp = 'ReduceMean' | 'Reshape' | 'Flatten' | 'Transpose' | 'Concat' | 'Slice' | 'Pad' | 'Gather';

const mean = (axes: readonly number[], keepDims: boolean): Case<'ReduceMean'> => ({
  title: `over [${axes}], ${keepDims ? 'axes kept' : 'axes dropped'}`,
  attributes: { axes, keepDims },
  inputs: [uniform(2, 3, 4)],
});

const slice = (title: string, attributes: SliceAttributes, ...shape: number[]): Case<'Slice'> => ({
  title,
  attributes,
  inputs: [uniform(...shape)],
});

export const layoutCases: Cases<LayoutOp> = {
  ReduceMean: [
    mean([1], true),
    mean([1], false),
    mean([0, 2], true),
    mean([0, 2], false),
    mean([-1], false),
    mean([0, 1, 2], false),
  ],
  Reshape: [
    { title: 'to a given shape', attributes: { shape: [4, 6] }, inputs: [uniform(2, 3, 4)] },
    { title: 'with an axis to fill in', attributes: { shape: [2, -1] }, inputs: [uniform(2, 3, 4)] },
    { title: 'to more axes', attributes: { shape: [2, 3, 2, 2] }, inputs: [uniform(2, 12)] },
    { title: 'of maps with 16 channels', attributes: { shape: [2, 64] }, inputs: [uniform(2, 16, 2, 2)] },
  ],
  Flatten: [
    { title: 'from axis 1', attributes: { axis: 1 }, inputs: [uniform(2, 3, 2, 2)] },
    { title: 'from axis 2', attributes: { axis: 2 }, inputs: [uniform(2, 3, 4)] },
    { title: 'from axis 0', attributes: { axis: 0 }, inputs: [uniform(2, 3)] },
    { title: 'from axis -1', attributes: { axis: -1 }, inputs: [uniform(2, 3, 4)] },
    { title: 'of maps with 16 channels', attributes: { axis: 1 }, inputs: [uniform(2, 16, 2, 2)] },
  ],
  Transpose: [
    { title: 'of a matrix', attributes: { permutation: [1, 0] }, inputs: [uniform(2, 3)] },
    { title: 'that is not its own inverse', attributes: { permutation: [2, 0, 1] }, inputs: [uniform(2, 3, 4)] },
  ],
  Concat: [
    { title: 'of three along axis 1', attributes: { axis: 1 }, inputs: [uniform(2, 1), uniform(2, 3), uniform(2, 2)] },
    { title: 'of three along axis 0', attributes: { axis: 0 }, inputs: [uniform(1, 3), uniform(2, 3), uniform(1, 3)] },
    {
      title: 'of maps along the channels',
      attributes: { axis: -3 },
      inputs: [uniform(2, 16, 2, 2), uniform(2, 32, 2, 2), uniform(2, 16, 2, 2)],
    },
  ],
  Slice: [
    slice('of one axis', { axes: [1], starts: [1], ends: [3], steps: [1] }, 2, 4),
    slice('from a negative start', { axes: [1], starts: [-3], ends: [-1], steps: [1] }, 2, 5),
    slice('with step 2', { axes: [0], starts: [0], ends: [7], steps: [2] }, 7, 2),
    slice('with step 3 that ends early', { axes: [1], starts: [1], ends: [6], steps: [3] }, 2, 8),
    slice('of two axes', { axes: [0, 2], starts: [1, -4], ends: [3, 4], steps: [1, 2] }, 3, 2, 5),
    slice('past both ends', { axes: [-1], starts: [-9], ends: [99], steps: [2] }, 2, 5),
    slice('of channels', { axes: [1], starts: [8], ends: [24], steps: [1] }, 2, 32, 2, 2),
  ],
  Pad: [
    { title: 'on both sides', attributes: { pads: [0, 1, 0, 2], value: 0 }, inputs: [uniform(2, 3)] },
    { title: 'with a value', attributes: { pads: [1, 0, 0, 1], value: 1.5 }, inputs: [uniform(2, 3)] },
    { title: 'of maps', attributes: { pads: [0, 0, 1, 0, 0, 0, 2, 1], value: 0 }, inputs: [uniform(1, 2, 2, 3)] },
    { title: 'by less than nothing', attributes: { pads: [0, -1, 0, -1], value: 0 }, inputs: [uniform(2, 5)] },
  ],
  Gather: [
    { title: 'of rows, some twice', attributes: { axis: 0 }, inputs: [uniform(4, 3), integers([2, 0, 2, 3, 2])] },
    { title: 'of columns, some twice', attributes: { axis: 1 }, inputs: [uniform(3, 4), integers([1, 1, 3])] },
    {
      title: 'with a matrix of positions',
      attributes: { axis: 0 },
      inputs: [uniform(5, 2), integers([0, 4, 4, 1, 0, 2], 2, 3)],
    },
    {
      title: 'along a middle axis',
      attributes: { axis: -2 },
      inputs: [uniform(2, 3, 2), integers([2, 2, 0, 1], 2, 2)],
    },
  ],
};
