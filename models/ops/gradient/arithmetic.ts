import type { ArithmeticOp, ModelOp, ProductOp } from '../vocabulary.ts';
import { type GradientRules, none } from './rule.ts';

const swapLast = (rank: number) => {
  const permutation = Array.from({ length: rank }, (_, axis) => axis);
  [permutation[rank - 2], permutation[rank - 1]] = [rank - 1, rank - 2];
  return { permutation };
};

export const arithmeticGradients: GradientRules<Extract<ArithmeticOp | ProductOp, ModelOp>> = {
  Add: (node) => [node.gradientOfOutput(0), node.gradientOfOutput(0)],
  Sub: (node) => [node.gradientOfOutput(0), node.needs(1) ? node.emit('Neg', [node.gradientOfOutput(0)], {}) : none],
  Mul: (node) => [
    node.needs(0) ? node.emit('Mul', [node.gradientOfOutput(0), node.input(1)], {}) : none,
    node.needs(1) ? node.emit('Mul', [node.gradientOfOutput(0), node.input(0)], {}) : none,
  ],
  // d(a/b) = dy/b, −dy·y/b
  Div: (node) => {
    const quotient = node.emit('Div', [node.gradientOfOutput(0), node.input(1)], {});
    if (!node.needs(1)) return [quotient, none];
    return [quotient, node.emit('Neg', [node.emit('Mul', [quotient, node.output(0)], {})], {})];
  },
  // Y = α·A'·B' + β·C:  dA' = α·dY·B'ᵀ, dB' = α·A'ᵀ·dY, dC = β·dY
  Gemm: (node) => {
    const { transA, transB, alpha, beta } = node.attributes;
    const dy = node.gradientOfOutput(0);
    const multiply = (a: string, transposeA: boolean, b: string, transposeB: boolean) =>
      node.emit('Gemm', [a, b], { transA: transposeA, transB: transposeB, alpha, beta: 0 });
    const a = node.input(0);
    const b = node.input(1);
    return [
      node.needs(0) ? (transA ? multiply(b, transB, dy, true) : multiply(dy, false, b, !transB)) : none,
      node.needs(1) ? (transB ? multiply(dy, true, a, transA) : multiply(a, !transA, dy, false)) : none,
      node.inputCount > 2 && node.needs(2) ? (beta === 1 ? dy : node.emit('Scale', [dy], { factor: beta })) : none,
    ];
  },
  // dA = dY·Bᵀ, dB = Aᵀ·dY over the last two axes; broadcast batch axes are summed by the walker
  MatMul: (node) => {
    const dy = node.gradientOfOutput(0);
    const transposed = (index: number) =>
      node.emit('Transpose', [node.input(index)], swapLast(node.shapeOfInput(index).length));
    return [
      node.needs(0) ? node.emit('MatMul', [dy, transposed(1)], {}) : none,
      node.needs(1) ? node.emit('MatMul', [transposed(0), dy], {}) : none,
    ];
  },
  Dropout: (node) => [node.emit('Mul', [node.gradientOfOutput(0), node.input(1)], {}), none],
};
