import type { Graph } from '../graph/types.ts';

/** A place where a graph may be cut: between two nodes, where exactly one computed tensor crosses. */
export interface Cut {
  /** The nodes before this position stay on the left. */
  readonly position: number;
  readonly tensor: string;
}

/** All legal cuts, in order. Fed inputs other than the data (targets, masks) and parameters do not count as crossing. */
export function legalCuts(graph: Graph): readonly Cut[] {
  const lastUse = lastUses(graph);
  const crossing = new Set(graph.inputs.filter((input) => input.role === 'data').map((input) => input.name));
  const cuts: Cut[] = [];
  graph.nodes.forEach((node, index) => {
    for (const output of node.outputs) crossing.add(output);
    for (const value of crossing) {
      if ((lastUse.get(value) ?? -1) <= index) crossing.delete(value);
    }
    const [tensor] = crossing;
    if (crossing.size === 1 && index + 1 < graph.nodes.length) cuts.push({ position: index + 1, tensor: tensor! });
  });
  return cuts;
}

/** Value → index of the last node that reads it; the graph's outputs and updates are not read across a cut. */
function lastUses(graph: Graph): ReadonlyMap<string, number> {
  const lastUse = new Map<string, number>();
  graph.nodes.forEach((node, index) => {
    for (const input of node.inputs) lastUse.set(input, index);
  });
  return lastUse;
}
