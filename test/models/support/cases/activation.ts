import { awayFrom, range, uniform } from '../inputs.ts';
import type { Cases } from './case.ts';

type ActivationOp = 'Relu' | 'Clip' | 'Sigmoid' | 'Tanh' | 'Gelu' | 'HardSwish' | 'Softmax';

export const activationCases: Cases<ActivationOp> = {
  Relu: [
    { title: 'of a matrix', attributes: {}, inputs: [awayFrom([0], -1, 1, 3, 5)] },
    { title: 'of maps with 32 channels', attributes: {}, inputs: [awayFrom([0], -1, 1, 2, 32, 3, 3)] },
  ],
  Clip: [
    { title: 'to 0…6', attributes: { min: 0, max: 6 }, inputs: [awayFrom([0, 6], -3, 9, 4, 6)] },
    { title: 'to -1…0.5', attributes: { min: -1, max: 0.5 }, inputs: [awayFrom([-1, 0.5], -2, 2, 2, 3, 4)] },
    {
      title: 'of maps with 32 channels',
      attributes: { min: 0, max: 6 },
      inputs: [awayFrom([0, 6], -3, 9, 2, 32, 3, 3)],
    },
  ],
  Sigmoid: [{ title: 'of a matrix', attributes: {}, inputs: [range(-4, 4, 3, 5)] }],
  Tanh: [{ title: 'of a matrix', attributes: {}, inputs: [range(-2, 2, 3, 5)] }],
  Gelu: [
    { title: 'exact', attributes: { approximate: 'none' }, inputs: [range(-3, 3, 4, 6)] },
    { title: 'by tanh', attributes: { approximate: 'tanh' }, inputs: [range(-3, 3, 4, 6)] },
  ],
  HardSwish: [{ title: 'of a matrix', attributes: {}, inputs: [awayFrom([-3, 3], -5, 5, 5, 8)] }],
  Softmax: [
    { title: 'over the last axis', attributes: { axis: -1 }, inputs: [uniform(3, 5)] },
    { title: 'over the first axis', attributes: { axis: 0 }, inputs: [uniform(4, 3)] },
    { title: 'over a middle axis', attributes: { axis: 1 }, inputs: [uniform(2, 3, 4)] },
  ],
};
