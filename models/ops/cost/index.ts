import { byteSize, type Node, type TensorType, typeOf } from '../../graph/types.ts';
import type { Op } from '../vocabulary.ts';
import { elementwiseCosts } from './elementwise.ts';
import { layoutCosts } from './layout.ts';
import { productCosts } from './product.ts';
import type { CostRule, CostRules } from './rule.ts';

/** The floating-point operations of every operation. */
export const costs = { ...elementwiseCosts, ...layoutCosts, ...productCosts } satisfies CostRules<Op>;

/** What a node asks of a board for one micro-batch, however it is formulated. */
export interface NodeCost {
  readonly flops: number;
  /** Each input once. */
  readonly bytesRead: number;
  /** Each output once. */
  readonly bytesWritten: number;
}

/** The cost of a node of a typed graph or backward pass. An absent optional input ('') costs nothing. */
export function nodeCost(node: Node, types: ReadonlyMap<string, TensorType>): NodeCost {
  const inputs = node.inputs.filter((input) => input !== '').map((input) => typeOf(types, input));
  const outputs = node.outputs.map((output) => typeOf(types, output));
  // The table is total, so a node's rule takes that node's attributes; TypeScript cannot see the correlation.
  const rule = costs[node.op] as CostRule<Op>;
  const context = {
    attributes: node.attributes as never,
    inputs: inputs.map(({ shape }) => shape),
    outputs: outputs.map(({ shape }) => shape),
  };
  return { flops: rule(context), bytesRead: totalBytes(inputs), bytesWritten: totalBytes(outputs) };
}

export function totalBytes(types: readonly TensorType[]): number {
  return types.reduce((sum, type) => sum + byteSize(type), 0);
}
