import type { ConvolutionOp } from '../../ops/vocabulary.ts';
import type { Formulations } from '../formulation.ts';
import {
  denseConvolution,
  denseInputGradient,
  denseWeightGradient,
  parityInputGradient,
  pointwiseWeightGradient,
} from './convolution/dense.ts';
import { depthwiseConvolution, depthwiseInputGradient, depthwiseWeightGradient } from './convolution/depthwise.ts';
import { plainConvolution, plainInputGradient, plainWeightGradient } from './convolution/plain.ts';
import { pointwiseConvolution, skippingInputGradient } from './convolution/skipping.ts';
import { thinConvolution, thinWeightGradient } from './convolution/thin.ts';

export const convolutionFormulations = {
  Conv: [pointwiseConvolution, denseConvolution, thinConvolution, depthwiseConvolution, plainConvolution],
  ConvInputGradient: [
    denseInputGradient,
    parityInputGradient,
    skippingInputGradient,
    depthwiseInputGradient,
    plainInputGradient,
  ],
  ConvWeightGradient: [
    pointwiseWeightGradient,
    denseWeightGradient,
    thinWeightGradient,
    depthwiseWeightGradient,
    plainWeightGradient,
  ],
} satisfies Formulations<ConvolutionOp>;
