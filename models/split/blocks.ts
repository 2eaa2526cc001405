import type { Graph, Node } from '../graph/types.ts';
import type { ModelOp } from '../ops/vocabulary.ts';
import { type Cut, type Cuts, legalCuts } from './cuts.ts';

/** The unit that moves between boards: the nodes between two legal cuts. */
export interface Block {
  readonly index: number;
  readonly name: string;
  readonly nodes: readonly Node<ModelOp>[];
  /** The tensors that cross the cut before it: the data for the first block. */
  readonly entering: readonly string[];
  /** The tensors that cross the cut behind it, also those that it only passes on: the loss for the last block. */
  readonly leaving: readonly string[];
}

/** Operations worth a block of their own; the cheap ones after them stay with the block that they follow. */
const heavy: ReadonlySet<ModelOp> = new Set(['Conv', 'Gemm', 'MatMul']);

/**
 * Splits a graph at its legal cuts. A cut is taken only where the nodes up to the next cut hold a heavy operation, so
 * that an activation or a pooling is not a block alone, and the loss stays with the last layer. The blocks of `double`
 * cuts are parts of those of `single` ones.
 * @throws UnknownCutsError
 */
export function splitIntoBlocks(graph: Graph, cuts: Cuts = 'single'): readonly Block[] {
  const data = graph.inputs.find((input) => input.role === 'data')!.name;
  const starts: Cut[] = [{ position: 0, tensors: [data] }, ...takenCuts(graph, cuts)];
  return starts.map((from, index) => {
    const next = starts[index + 1];
    const nodes = graph.nodes.slice(from.position, next?.position);
    const first = nodes.find((node) => heavy.has(node.op)) ?? nodes[0]!;
    return { index, name: first.name, nodes, entering: from.tensors, leaving: next?.tensors ?? [graph.outputs[0]!] };
  });
}

function takenCuts(graph: Graph, cuts: Cuts): readonly Cut[] {
  const coarser = cuts === 'single' ? [] : takenCuts(graph, 'single').map(({ position }) => position);
  const legal = legalCuts(graph, cuts);
  const ends = [...legal.map((cut) => cut.position), graph.nodes.length];
  const isHeavy = (from: number, to: number) => graph.nodes.slice(from, to).some((node) => heavy.has(node.op));
  let start = 0;
  return legal.filter(({ position }, index) => {
    const taken = coarser.includes(position) || (isHeavy(start, position) && isHeavy(position, ends[index + 1]!));
    if (taken) start = position;
    return taken;
  });
}
