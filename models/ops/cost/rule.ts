import type { Shape } from '../../graph/types.ts';
import { elementCount } from '../../graph/types.ts';
import type { Attributes, Op } from '../vocabulary.ts';

/** What a cost rule sees of a node: shapes, in the order of the node's inputs and outputs. */
export interface CostContext<Name extends Op> {
  readonly attributes: Attributes[Name];
  readonly inputs: readonly Shape[];
  readonly outputs: readonly Shape[];
}

/** Floating-point operations of a node. A multiplication and the addition after it count as two. */
export type CostRule<Name extends Op> = (node: CostContext<Name>) => number;
export type CostRules<Names extends Op> = { readonly [Name in Names]: CostRule<Name> };

/** The node computes nothing: it moves, repeats or selects. */
export const moves = () => 0;

/** `count` operations for each element of the first output. */
export const perOutput =
  (count: number) =>
  ({ outputs }: { readonly outputs: readonly Shape[] }) =>
    count * elementCount(outputs[0]!);

/** `count` operations for each element of input `index`. */
export const perInput =
  (count: number, index = 0) =>
  ({ inputs }: { readonly inputs: readonly Shape[] }) =>
    count * elementCount(inputs[index]!);
