import { elementCount, type Node, type NodeOf, type TensorType, typeOf } from '../graph/types.ts';
import { inferTypes } from '../ops/shape/index.ts';
import type { Attributes, ModelOp } from '../ops/vocabulary.ts';

/*
 * Between two stages goes one tensor. Where several values cross the cut they are packed as one, [N, a + b]: each
 * sample's values of the first, then those of the second. Nothing is computed, so not a bit changes.
 */

/** Nodes, and the types of what they define. */
export interface Added {
  readonly nodes: readonly Node<ModelOp>[];
  readonly types: ReadonlyMap<string, TensorType>;
}

type Types = ReadonlyMap<string, TensorType>;

/** The name of the tensor that carries these values. */
export const packedName = (values: readonly string[]) => values.join('+');

/** Makes `packed` of several values; nothing where there are not several. */
export function packing(values: readonly string[], packed: string, types: Types): Added {
  if (values.length < 2) return nothing;
  const flat = values.map((value, index) => node('Flatten', `${packed}/flat${index}`, [value], { axis: 1 }));
  const names = flat.map(({ name }) => name);
  return typed([...flat, node('Concat', packed, names, { axis: 1 })], types);
}

/** Makes several values, of these types, of `packed`; nothing where there are not several. */
export function unpacking(packed: string, values: readonly string[], types: Types): Added {
  if (values.length < 2) return nothing;
  const shapes = values.map((value) => typeOf(types, value).shape);
  const sizes = shapes.map(([, ...sample]) => elementCount(sample));
  const startOf = (index: number) => sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
  const nodes = values.flatMap((value, index) => {
    const part = `${packed}/part${index}`;
    const bounds = { starts: [startOf(index)], ends: [startOf(index + 1)] };
    return [
      node('Slice', part, [packed], { axes: [1], steps: [1], ...bounds }),
      node('Reshape', value, [part], { shape: shapes[index]! }),
    ];
  });
  const type: TensorType = { dataType: 'float32', shape: [shapes[0]![0]!, startOf(values.length)] };
  return typed(nodes, new Map([[packed, type]]));
}

const nothing: Added = { nodes: [], types: new Map() };

function node<Name extends ModelOp>(
  op: Name,
  name: string,
  inputs: readonly string[],
  attributes: Attributes[Name],
): Node<ModelOp> {
  return { op, name, inputs, outputs: [name], attributes } satisfies NodeOf<Name> as unknown as Node<ModelOp>;
}

/** With the types of what is fed to the nodes, where it is their own, and of what they define. */
function typed(nodes: readonly Node<ModelOp>[], given: Types): Added {
  const known = new Map(given);
  const named = new Map<string, TensorType>();
  for (const each of nodes) {
    const [type] = inferTypes(each, known);
    known.set(each.name, type!);
    for (const value of [...each.inputs, each.name]) named.set(value, known.get(value)!);
  }
  return { nodes, types: named };
}
