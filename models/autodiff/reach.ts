import type { Graph } from '../graph/types.ts';

/** The wanted values and everything computed from them: only through these does a gradient have to flow. */
export function valuesNeedingGradient(graph: Graph, wanted: readonly string[]): ReadonlySet<string> {
  const needed = new Set(wanted);
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => needed.has(input))) continue;
    for (const output of node.outputs) needed.add(output);
  }
  return needed;
}
