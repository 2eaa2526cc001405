import type { ModelOp } from '../../../models/index.ts';
import { activationCases } from './cases/activation.ts';
import { arithmeticCases } from './cases/arithmetic.ts';
import type { Cases } from './cases/case.ts';
import { convolutionCases } from './cases/convolution.ts';
import { layoutCases } from './cases/layout.ts';
import { normalizationCases } from './cases/normalization.ts';
import { poolingCases } from './cases/pooling.ts';

/** What every operation's gradient is proven on. An operation without a case does not compile. */
export const cases = {
  ...arithmeticCases,
  ...activationCases,
  ...convolutionCases,
  ...layoutCases,
  ...normalizationCases,
  ...poolingCases,
} satisfies Cases<ModelOp>;
