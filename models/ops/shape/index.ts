import { ShapeError } from '../../errors.ts';
import type { Node, TensorType } from '../../graph/types.ts';
import type { Op } from '../vocabulary.ts';
import { elementwiseShapes } from './elementwise.ts';
import { layoutShapes } from './layout.ts';
import type { ShapeRule, ShapeRules } from './rule.ts';
import { windowShapes } from './window.ts';

/** The type rule of every operation. */
export const shapes = { ...windowShapes, ...elementwiseShapes, ...layoutShapes } satisfies ShapeRules<Op>;

/** Types of a node's outputs. An absent optional input ('') has no type and is passed as undefined. */
export function inferTypes(node: Node, types: ReadonlyMap<string, TensorType>): readonly TensorType[] {
  const inputs = node.inputs.map((input) => types.get(input)!);
  // The table is total, so a node's rule takes that node's attributes; TypeScript cannot see the correlation.
  const rule = shapes[node.op] as ShapeRule<Op>;
  return rule(inputs, node.attributes as never, (problem) => new ShapeError(node.op, node.name, problem));
}
