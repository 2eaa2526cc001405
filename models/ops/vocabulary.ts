/**
 * The closed list of operations. `ModelOp`s are what a model is written in; `GradientOp`s appear only in backward
 * passes. Every table (shape, gradient, cost, lowering) is total over one of these lists, so that an operation without
 * a rule does not compile.
 */

/** A window that slides over the spatial axes; one entry an axis. `pads` holds all begins, then all ends (as ONNX). */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
}

export interface Convolution extends Window {
  readonly dilations: readonly number[];
  readonly groups: number;
}

type None = Readonly<Record<string, never>>;
type WithInputShape = { readonly inputShape: readonly number[] };
export type SliceAttributes = {
  readonly axes: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly steps: readonly number[];
};

export interface ModelAttributes {
  /** x [N,C,…], w [O,C/groups,…], optional bias [O] */
  Conv: Convolution;
  /** a, b, optional c: alpha·A·B + beta·C, with optional transposes, all rank 2 */
  Gemm: {
    readonly transA: boolean;
    readonly transB: boolean;
    readonly alpha: number;
    readonly beta: number;
  };
  MatMul: None;
  /** x, scale, bias, running mean, running variance → y, new mean, new variance, batch mean, batch 1/√(var+ε) */
  BatchNormalization: { readonly epsilon: number; readonly momentum: number };
  /** x, scale, bias → y, mean, 1/√(var+ε); normalises the axes from `axis` to the last */
  LayerNormalization: { readonly axis: number; readonly epsilon: number };
  Relu: None;
  Clip: { readonly min: number; readonly max: number };
  Sigmoid: None;
  Tanh: None;
  Gelu: { readonly approximate: 'none' | 'tanh' };
  HardSwish: None;
  Softmax: { readonly axis: number };
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  MaxPool: Window;
  AveragePool: Window & { readonly countIncludePad: boolean };
  GlobalAveragePool: None;
  ReduceMean: { readonly axes: readonly number[]; readonly keepDims: boolean };
  Reshape: { readonly shape: readonly number[] };
  Flatten: { readonly axis: number };
  Transpose: { readonly permutation: readonly number[] };
  Concat: { readonly axis: number };
  Slice: SliceAttributes;
  Pad: { readonly pads: readonly number[]; readonly value: number };
  /** x, int64 indices */
  Gather: { readonly axis: number };
  /** x, mask (0 or 1/keep, drawn outside from seed, step, micro-batch and node) */
  Dropout: None;
  /** logits [N,K], int64 labels [N] → mean loss [] (PyTorch's cross_entropy) */
  SoftmaxCrossEntropy: None;
  /** prediction, target of the same shape → mean of squares [] */
  SquaredError: None;
}

export interface GradientAttributes {
  /** dy, w → dx */
  ConvInputGradient: Convolution & WithInputShape;
  /** x, dy → dw */
  ConvWeightGradient: Convolution & { readonly weightShape: readonly number[] };
  /** dy, x, scale, batch mean, batch 1/σ → dx, dscale, dbias */
  BatchNormalizationGradient: None;
  /** dy, x, scale, mean, 1/σ → dx, dscale, dbias */
  LayerNormalizationGradient: { readonly axis: number };
  /** dy, y → dx */
  ReluGradient: None;
  /** dy, y → dx */
  ClipGradient: { readonly min: number; readonly max: number };
  /** dy, y → dx */
  SigmoidGradient: None;
  /** dy, y → dx */
  TanhGradient: None;
  /** dy, x → dx */
  GeluGradient: { readonly approximate: 'none' | 'tanh' };
  /** dy, x → dx */
  HardSwishGradient: None;
  /** dy, y → dx */
  SoftmaxGradient: { readonly axis: number };
  /** dy, x, y → dx; of equal maxima the first in row-major order takes the gradient */
  MaxPoolGradient: Window;
  /** dy → dx */
  AveragePoolGradient: Window & { readonly countIncludePad: boolean } & WithInputShape;
  /** dy → dx */
  GlobalAveragePoolGradient: WithInputShape;
  /** dy, indices → dx */
  GatherGradient: { readonly axis: number } & WithInputShape;
  /** dy → dx, zero where the slice did not read */
  SliceGradient: SliceAttributes & WithInputShape;
  /** dloss, logits, labels → dlogits */
  SoftmaxCrossEntropyGradient: None;
  ReduceSum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  Expand: { readonly shape: readonly number[] };
  Neg: None;
  /** x → factor · x */
  Scale: { readonly factor: number };
}

export type ModelOp = keyof ModelAttributes;
export type GradientOp = keyof GradientAttributes;
export type Attributes = ModelAttributes & GradientAttributes;
export type Op = ModelOp | GradientOp;

/*
 * Families of operations, by which the tables are divided into files. Each operation is of exactly one family, or is
 * the gradient of one that is.
 */

export type ConvolutionOp = 'Conv' | 'ConvInputGradient' | 'ConvWeightGradient';
export type ProductOp = 'Gemm' | 'MatMul';
export type PoolingOp = 'MaxPool' | 'AveragePool' | 'GlobalAveragePool';
export type ActivationOp = 'Relu' | 'Clip' | 'Sigmoid' | 'Tanh' | 'Gelu' | 'HardSwish' | 'Softmax';
export type NormalizationOp = 'BatchNormalization' | 'LayerNormalization';
/** Of the values at one place. */
export type ArithmeticOp = 'Add' | 'Sub' | 'Mul' | 'Div' | 'Dropout' | 'Neg' | 'Scale';
export type ReductionOp = 'ReduceMean' | 'ReduceSum' | 'Expand';
/** Moves or selects values and computes nothing. */
export type LayoutOp = 'Reshape' | 'Flatten' | 'Transpose' | 'Concat' | 'Slice' | 'Pad' | 'Gather';
export type LossOp = 'SoftmaxCrossEntropy' | 'SquaredError';

/** These operations, and their gradients where those are operations of their own. */
export type WithGradient<Name extends Op> = Name | Extract<GradientOp, `${Name}Gradient`>;
