import type { ActivationOp } from '../vocabulary.ts';
import type { GradientRules } from './rule.ts';

export const activationGradients: GradientRules<ActivationOp> = {
  // dX = dY where Y > 0
  Relu: (node) => [node.emit('ReluGradient', [node.gradientOfOutput(0), node.output(0)], {})],
  // dX = dY where min < Y < max
  Clip: (node) => [node.emit('ClipGradient', [node.gradientOfOutput(0), node.output(0)], node.attributes)],
  // dX = dY·Y·(1−Y)
  Sigmoid: (node) => [node.emit('SigmoidGradient', [node.gradientOfOutput(0), node.output(0)], {})],
  // dX = dY·(1−Y²)
  Tanh: (node) => [node.emit('TanhGradient', [node.gradientOfOutput(0), node.output(0)], {})],
  Gelu: (node) => [node.emit('GeluGradient', [node.gradientOfOutput(0), node.input(0)], node.attributes)],
  HardSwish: (node) => [node.emit('HardSwishGradient', [node.gradientOfOutput(0), node.input(0)], {})],
  // dX = Y·(dY − Σ dY·Y)
  Softmax: (node) => [node.emit('SoftmaxGradient', [node.gradientOfOutput(0), node.output(0)], node.attributes)],
};
