import type { PoolingOp } from '../vocabulary.ts';
import { type GradientRules, none } from './rule.ts';

export const windowGradients: GradientRules<'Conv' | PoolingOp> = {
  Conv: (node) => {
    const dy = node.gradientOfOutput(0);
    const spatial = node
      .shapeOfInput(0)
      .slice(2)
      .map((_, axis) => axis + 2);
    return [
      node.needs(0)
        ? node.emit('ConvInputGradient', [dy, node.input(1)], {
            ...node.attributes,
            inputShape: node.shapeOfInput(0),
          })
        : none,
      node.needs(1)
        ? node.emit('ConvWeightGradient', [node.input(0), dy], {
            ...node.attributes,
            weightShape: node.shapeOfInput(1),
          })
        : none,
      node.inputCount > 2 && node.needs(2)
        ? node.emit('ReduceSum', [dy], { axes: [0, ...spatial], keepDims: false })
        : none,
    ];
  },
  MaxPool: (node) => [
    node.emit('MaxPoolGradient', [node.gradientOfOutput(0), node.input(0), node.output(0)], node.attributes),
  ],
  AveragePool: (node) => [
    node.emit('AveragePoolGradient', [node.gradientOfOutput(0)], {
      ...node.attributes,
      inputShape: node.shapeOfInput(0),
    }),
  ],
  GlobalAveragePool: (node) => [
    node.emit('GlobalAveragePoolGradient', [node.gradientOfOutput(0)], { inputShape: node.shapeOfInput(0) }),
  ],
};
