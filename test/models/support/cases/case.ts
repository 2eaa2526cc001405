import type { Attributes, ModelOp } from '../../../../models/index.ts';
import type { Input } from '../inputs.ts';

/** One operation with attributes and inputs of given shapes. */
export interface Case<Name extends ModelOp> {
  /** What is particular about it, as in "with stride 2". */
  readonly title: string;
  readonly attributes: Attributes[Name];
  readonly inputs: readonly Input[];
}

export type Cases<Names extends ModelOp> = { readonly [Name in Names]: readonly [Case<Name>, ...Case<Name>[]] };
