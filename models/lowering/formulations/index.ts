import type { Op } from '../../ops/vocabulary.ts';
import type { Formulations } from '../formulation.ts';
import { activationFormulations } from './activation.ts';
import { arithmeticFormulations } from './arithmetic.ts';
import { convolutionFormulations } from './convolution.ts';
import { layoutFormulations } from './layout.ts';
import { normalizationFormulations } from './normalization.ts';
import { poolingFormulations } from './pooling.ts';

/** Every way to say every operation; the first that applies to a node is taken. */
export const formulations = {
  ...activationFormulations,
  ...arithmeticFormulations,
  ...convolutionFormulations,
  ...layoutFormulations,
  ...normalizationFormulations,
  ...poolingFormulations,
} satisfies Formulations<Op>;
