import type { Emitter } from '../lowering/emitter.ts';

/** ONNX names of one parameter's values inside an update graph. */
export interface UpdateValues {
  readonly parameter: string;
  readonly gradient: string;
  /** The optimizer's state of this parameter, by slot. */
  readonly state: Readonly<Record<string, string>>;
  /** The scalars of the step, by name. */
  readonly scalars: Readonly<Record<string, string>>;
}

/** New values; every optimizer reads an old value before it defines the new one, so they may share memory. */
export interface UpdatedValues {
  readonly parameter: string;
  readonly state: Readonly<Record<string, string>>;
}

/**
 * An optimizer is a value: which state it keeps for each parameter (all zero at first), which scalars it takes at each
 * step, and the update of one parameter as ONNX nodes.
 */
export interface Optimizer {
  readonly name: string;
  readonly slots: readonly string[];
  /** The largest allowed Euclidean norm of all gradients together; undefined: no clipping. */
  readonly clipNorm: number | undefined;
  /** @param step counts from 0 */
  scalars(step: number, learningRate: number): Readonly<Record<string, number>>;
  update(emitter: Emitter, values: UpdateValues): UpdatedValues;
}

/**
 * The factor for all gradients that brings their norm down to `clipNorm` (PyTorch's clip_grad_norm_).
 * @param squaredNorm the sum of squares of all gradients of all stages
 */
export function clipFactor(clipNorm: number, squaredNorm: number): number {
  return Math.min(1, clipNorm / (Math.sqrt(squaredNorm) + 1e-6));
}
