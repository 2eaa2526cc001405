import type { NormalizationOp } from '../vocabulary.ts';
import { type GradientRules, none } from './rule.ts';

export const normalizationGradients: GradientRules<NormalizationOp> = {
  // Outputs 3 and 4 are the batch's mean and 1/σ. Running averages take no gradient.
  BatchNormalization: (node) => {
    const saved = [node.output(3), node.output(4)];
    const [dx, dscale, dbias] = node.emitAll(
      'BatchNormalizationGradient',
      [node.gradientOfOutput(0), node.input(0), node.input(1), ...saved],
      {},
      3,
    );
    return [dx!, dscale!, dbias!, none, none];
  },
  LayerNormalization: (node) =>
    node.emitAll(
      'LayerNormalizationGradient',
      [node.gradientOfOutput(0), node.input(0), node.input(1), node.output(1), node.output(2)],
      { axis: node.attributes.axis },
      3,
    ),
};
