import { UnknownCutsError } from '../errors.ts';
import { type Graph, typeOf } from '../graph/types.ts';

/**
 * Where a model may be cut: only where one tensor crosses (between the blocks of a residual network), or where two may
 * (inside such a block as well: the main path and the shortcut).
 */
export const cutKinds = ['single', 'double'] as const;
export type Cuts = (typeof cutKinds)[number];

/** What a new run is cut at; a plan or a measurement that does not say has `single` ones. */
export const defaultCuts: Cuts = 'double';

const mostCrossing = { single: 1, double: 2 } as const satisfies Record<Cuts, number>;

/** A place where a graph may be cut: between two nodes, where few computed tensors cross. */
export interface Cut {
  /** The nodes before this position stay on the left. */
  readonly position: number;
  /** What crosses, in the order in which it is computed. */
  readonly tensors: readonly string[];
}

/**
 * All legal cuts, in order. Fed inputs other than the data (targets, masks) and parameters do not count as crossing.
 * Tensors that cross together are sent as one, so they must be float32 and have the samples as their first axis.
 * @throws UnknownCutsError
 */
export function legalCuts(graph: Graph, cuts: Cuts = 'single'): readonly Cut[] {
  if (!cutKinds.includes(cuts)) throw new UnknownCutsError(cuts, cutKinds);
  const data = graph.inputs.filter((input) => input.role === 'data').map((input) => input.name);
  const lastUse = lastUses(graph);
  const crossing = new Set(data);
  const found: Cut[] = [];
  graph.nodes.forEach((node, index) => {
    for (const output of node.outputs) crossing.add(output);
    for (const value of crossing) {
      if ((lastUse.get(value) ?? -1) <= index) crossing.delete(value);
    }
    const few = crossing.size > 0 && crossing.size <= mostCrossing[cuts];
    if (!few || index + 1 === graph.nodes.length) return;
    const tensors = [...crossing];
    if (tensors.length === 1 || canBePacked(graph, tensors)) found.push({ position: index + 1, tensors });
  });
  return found;
}

function canBePacked({ types, inputs }: Graph, tensors: readonly string[]): boolean {
  const data = inputs.find((input) => input.role === 'data')!.name;
  const [samples] = typeOf(types, data).shape;
  return tensors.every((tensor) => {
    const { dataType, shape } = typeOf(types, tensor);
    return dataType === 'float32' && shape[0] === samples;
  });
}

/** Value → index of the last node that reads it; the graph's outputs and updates are not read across a cut. */
function lastUses(graph: Graph): ReadonlyMap<string, number> {
  const lastUse = new Map<string, number>();
  graph.nodes.forEach((node, index) => {
    for (const input of node.inputs) lastUse.set(input, index);
  });
  return lastUse;
}
