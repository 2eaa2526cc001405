import { elementCount } from '../../graph/types.ts';
import type { LossOp } from '../vocabulary.ts';
import { type GradientRules, none } from './rule.ts';

export const lossGradients: GradientRules<LossOp> = {
  // dlogits = (softmax(logits) − onehot(labels))·dloss/N
  SoftmaxCrossEntropy: (node) => [
    node.emit('SoftmaxCrossEntropyGradient', [node.gradientOfOutput(0), node.input(0), node.input(1)], {}),
    none,
  ],
  // dprediction = 2·(prediction − target)·dloss/n
  SquaredError: (node) => {
    const difference = node.emit('Sub', [node.input(0), node.input(1)], {});
    const factor = 2 / elementCount(node.shapeOfInput(0));
    const gradient = node.emit('Mul', [node.emit('Scale', [difference], { factor }), node.gradientOfOutput(0)], {});
    return [gradient, node.needs(1) ? node.emit('Neg', [gradient], {}) : none];
  },
};
