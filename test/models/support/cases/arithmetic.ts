import { fixed, integers, positive, uniform } from '../inputs.ts';
import type { Case, Cases } from './case.ts';

type ArithmeticOp =
  | 'Add'
  | 'Sub'
  | 'Mul'
  | 'Div'
  | 'Gemm'
  | 'MatMul'
  | 'Dropout'
  | 'SoftmaxCrossEntropy'
  | 'SquaredError';

/** Two operands that broadcast in every way. */
const pairs = [
  ['of equal shapes', [2, 3], [2, 3]],
  ['with a row', [4, 3], [3]],
  ['with a column', [4, 3], [4, 1]],
  ['with a left scalar', [], [2, 3]],
  ['with a left vector', [3], [2, 4, 3]],
  ['stretched on both sides', [2, 1, 4], [3, 1]],
  ['per channel of maps', [2, 3, 2, 2], [3, 1, 1]],
  ['of maps with 32 channels', [2, 32, 3, 3], [2, 32, 3, 3]],
  ['of maps with 16 channels and a mask per sample', [2, 16, 2, 3], [2, 16, 1, 1]],
] as const;

function elementwise<Name extends 'Add' | 'Sub' | 'Mul' | 'Div'>(
  right: typeof uniform = uniform,
): [Case<Name>, ...Case<Name>[]] {
  const [first, ...others] = pairs.map(([title, left, other]) => ({
    title,
    attributes: {},
    inputs: [uniform(...left), right(...other)],
  }));
  return [first!, ...others];
}

const transposes = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

function gemm(transA: boolean, transB: boolean, alpha: number, beta: number, bias?: readonly number[]): Case<'Gemm'> {
  const a = transA ? uniform(4, 3) : uniform(3, 4);
  const b = transB ? uniform(5, 4) : uniform(4, 5);
  return {
    title: `${transA ? 'Aᵀ' : 'A'}·${transB ? 'Bᵀ' : 'B'}, α ${alpha}, β ${beta}, bias ${bias ? `[${bias}]` : 'absent'}`,
    attributes: { transA, transB, alpha, beta },
    inputs: bias ? [a, b, uniform(...bias)] : [a, b],
  };
}

const matrices = (title: string, left: readonly number[], right: readonly number[]): Case<'MatMul'> => ({
  title,
  attributes: {},
  inputs: [uniform(...left), uniform(...right)],
});

export const arithmeticCases: Cases<ArithmeticOp> = {
  Add: elementwise(),
  Sub: elementwise(),
  Mul: elementwise(),
  Div: elementwise(positive),
  Gemm: [
    gemm(false, true, 1, 1, [5]),
    ...transposes.map(([transA, transB]) => gemm(transA, transB, 1, 1)),
    ...transposes.map(([transA, transB]) => gemm(transA, transB, 0.5, 2, [5])),
    gemm(false, false, 1, 1, [3, 5]),
    gemm(false, false, 1, 0.5, [3, 1]),
    gemm(false, false, 1, 1, []),
  ],
  MatMul: [
    matrices('of matrices', [3, 4], [4, 2]),
    matrices('of batches', [2, 3, 4], [2, 4, 2]),
    matrices('of two batch axes', [2, 3, 2, 4], [2, 3, 4, 2]),
    matrices('of a batch with one matrix', [2, 3, 4], [4, 2]),
    matrices('of one matrix with a batch', [3, 4], [2, 4, 2]),
    matrices('of batches stretched on both sides', [2, 1, 3, 4], [3, 4, 2]),
  ],
  Dropout: [
    {
      title: 'with a mask of 0 and 1/keep',
      attributes: {},
      inputs: [uniform(3, 8), fixed((index) => (index % 3 === 0 ? 0 : 1.5), 3, 8)],
    },
  ],
  SoftmaxCrossEntropy: [
    { title: 'over 5 classes', attributes: {}, inputs: [uniform(4, 5), integers([0, 4, 2, 2])] },
    { title: 'of one sample', attributes: {}, inputs: [uniform(1, 3), integers([1])] },
  ],
  SquaredError: [
    { title: 'of a vector', attributes: {}, inputs: [uniform(6), uniform(6)] },
    { title: 'of a matrix', attributes: {}, inputs: [uniform(3, 4), uniform(3, 4)] },
  ],
};
