import type { ModelOp } from '../vocabulary.ts';
import { activationGradients } from './activation.ts';
import { arithmeticGradients } from './arithmetic.ts';
import { layoutGradients } from './layout.ts';
import { lossGradients } from './loss.ts';
import { normalizationGradients } from './normalization.ts';
import type { GradientRules } from './rule.ts';
import { windowGradients } from './window.ts';

/** The gradient rule of every operation that a model may hold. */
export const gradients = {
  ...arithmeticGradients,
  ...activationGradients,
  ...windowGradients,
  ...normalizationGradients,
  ...layoutGradients,
  ...lossGradients,
} satisfies GradientRules<ModelOp>;

export { type Gradient, type GradientContext, type GradientRule, none } from './rule.ts';
