import type { Graph, Node } from '../graph/types.ts';
import type { ModelOp } from '../ops/vocabulary.ts';
import { type Cut, legalCuts } from './cuts.ts';

/** The unit that moves between boards: the nodes between two legal cuts. */
export interface Block {
  readonly index: number;
  readonly name: string;
  readonly nodes: readonly Node<ModelOp>[];
  /** The tensor that enters (the data for the first block) and the one that leaves (the loss for the last). */
  readonly input: string;
  readonly output: string;
}

/** Operations worth a block of their own; the cheap ones after them stay with the block that they follow. */
const heavy: ReadonlySet<ModelOp> = new Set(['Conv', 'Gemm', 'MatMul']);

/**
 * Splits a graph at its legal cuts. A cut is taken only where the nodes up to the next cut hold a heavy operation, so
 * that an activation or a pooling is not a block alone, and the loss stays with the last layer.
 */
export function splitIntoBlocks(graph: Graph): readonly Block[] {
  const data = graph.inputs.find((input) => input.role === 'data')!.name;
  const cuts = legalCuts(graph);
  const ends = [...cuts.map((cut) => cut.position), graph.nodes.length];
  const isHeavy = (from: number, to: number) => graph.nodes.slice(from, to).some((node) => heavy.has(node.op));
  const taken: Cut[] = [];
  let start = 0;
  cuts.forEach((cut, index) => {
    if (isHeavy(start, cut.position) && isHeavy(cut.position, ends[index + 1]!)) {
      taken.push(cut);
      start = cut.position;
    }
  });
  const starts: Cut[] = [{ position: 0, tensor: data }, ...taken];
  return starts.map((from, index) => {
    const next = starts[index + 1];
    const nodes = graph.nodes.slice(from.position, next?.position);
    const first = nodes.find((node) => heavy.has(node.op)) ?? nodes[0]!;
    return { index, name: first.name, nodes, input: from.tensor, output: next?.tensor ?? graph.outputs[0]! };
  });
}
