import { byteSize, elementCount, type Node, type TensorType, typeOf } from '../graph/types.ts';
import type { Stage } from './stage.ts';

/**
 * An estimate of the scratch that one run of a stage needs: the most bytes of values that are alive at once and are
 * neither fed nor stashed, plus what the node at work lays out for itself. The larger of forward and backward.
 */
export function workspaceBytes(stage: Stage): number {
  const kept = new Set([...stage.stash, stage.output, ...stage.gradients.values()]);
  return Math.max(peakBytes(stage.graph.nodes, stage.types, kept), peakBytes(stage.backward.nodes, stage.types, kept));
}

function peakBytes(nodes: readonly Node[], types: ReadonlyMap<string, TensorType>, kept: ReadonlySet<string>): number {
  const lastUse = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const value of [...node.inputs, ...node.outputs]) lastUse.set(value, index);
  });
  const made = new Set<string>();
  const sizeOf = (value: string) => (kept.has(value) ? 0 : byteSize(typeOf(types, value)));
  let alive = 0;
  let peak = 0;
  nodes.forEach((node, index) => {
    for (const output of node.outputs) {
      made.add(output);
      alive += sizeOf(output);
    }
    peak = Math.max(peak, alive + scratchBytes(node, types));
    for (const value of new Set([...node.inputs, ...node.outputs])) {
      if (made.has(value) && lastUse.get(value) === index) alive -= sizeOf(value);
    }
  });
  return peak;
}

/** A weight gradient lays out its input once for each position of the kernel, and both inputs channels first. */
function scratchBytes(node: Node, types: ReadonlyMap<string, TensorType>): number {
  if (node.op !== 'ConvWeightGradient') return 0;
  const [x, dy] = node.inputs.map((input) => typeOf(types, input));
  const [batch, , ...sizes] = dy!.shape;
  const columns = batch! * elementCount(sizes) * x!.shape[1]! * elementCount(node.attributes.kernel);
  return 4 * columns + byteSize(x!) + byteSize(dy!);
}
