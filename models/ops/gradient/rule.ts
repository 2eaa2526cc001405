import type { Shape } from '../../graph/types.ts';
import type { Attributes, ModelOp, Op } from '../vocabulary.ts';

/** A gradient is the name of a value, or `none`: the input takes no gradient by definition (labels, masks, indices). */
export const none = Symbol('no gradient');
export type Gradient = string | typeof none;

/** The words in which a rule is written. `emit` adds a node to the backward pass. */
export interface GradientContext<Name extends ModelOp> {
  readonly attributes: Attributes[Name];
  readonly inputCount: number;
  input(index: number): string;
  output(index: number): string;
  gradientOfOutput(index: number): string;
  shapeOfInput(index: number): Shape;
  /** False where nobody asks for the gradient of this input, so that a rule need not compute it. */
  needs(index: number): boolean;
  emit<Emitted extends Op>(op: Emitted, inputs: readonly string[], attributes: Attributes[Emitted]): string;
  /** As `emit`, for operations with several outputs. */
  emitAll<Emitted extends Op>(
    op: Emitted,
    inputs: readonly string[],
    attributes: Attributes[Emitted],
    outputs: number,
  ): readonly string[];
}

/**
 * The gradients of the loss with respect to the node's inputs, in order. A rule may return the gradient in a
 * broadcast shape: the walker sums it back to the input's shape.
 */
export type GradientRule<Name extends ModelOp> = (node: GradientContext<Name>) => readonly Gradient[];
export type GradientRules<Names extends ModelOp> = { readonly [Name in Names]: GradientRule<Name> };
