import { byteSize, type Graph, type Node, type TensorType, typeOf } from '../graph/types.ts';
import { type NodeCost, nodeCost, totalBytes } from '../ops/cost/index.ts';
import type { Block } from './blocks.ts';
import { type Stage, stageOf } from './stage.ts';
import { workspaceBytes } from './workspace.ts';

/** What a stage (or a block alone) asks of a board: operations and bytes of one micro-batch, and what it holds in memory. */
export interface StageCost {
  readonly name: string;
  readonly forwardFlops: number;
  readonly backwardFlops: number;
  /** Of forward and backward together, each node's inputs and outputs once. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** All parameters, running averages too. */
  readonly parameterBytes: number;
  /** The parameters that have a gradient and optimizer state, each as large as this. */
  readonly trainableBytes: number;
  /** Kept from the forward to the backward pass of one micro-batch. */
  readonly stashBytes: number;
  /** The tensor that leaves, and so the gradient that comes back; the loss for the last block. */
  readonly outputBytes: number;
  /** Scratch of one run beyond what is stashed (see `workspaceBytes`). */
  readonly workspaceBytes: number;
}

/** The cost of each block as a stage of its own. A stage of several blocks costs their sum, its workspace their maximum. */
export function blockCosts(graph: Graph, blocks: readonly Block[]): readonly StageCost[] {
  return blocks.map((block, index) => stageCost(block.name, stageOf(graph, blocks, index, index)));
}

/** The cost of a stage, under a name. */
export function stageCost(name: string, stage: Stage): StageCost {
  const { graph, types } = stage;
  const forward = sumOf(graph.nodes, types);
  const backward = sumOf(stage.backward.nodes, types);
  const trainable = graph.parameters.filter((parameter) => parameter.kind === 'trainable');
  return {
    name,
    forwardFlops: forward.flops,
    backwardFlops: backward.flops,
    bytesRead: forward.bytesRead + backward.bytesRead,
    bytesWritten: forward.bytesWritten + backward.bytesWritten,
    parameterBytes: totalBytes(graph.parameters.map(({ type }) => type)),
    trainableBytes: totalBytes(trainable.map(({ type }) => type)),
    stashBytes: totalBytes(stage.stash.map((value) => typeOf(types, value))),
    outputBytes: byteSize(typeOf(types, stage.output)),
    workspaceBytes: workspaceBytes(stage),
  };
}

function sumOf(nodes: readonly Node[], types: ReadonlyMap<string, TensorType>): NodeCost {
  const sum = { flops: 0, bytesRead: 0, bytesWritten: 0 };
  for (const node of nodes) {
    const cost = nodeCost(node, types);
    sum.flops += cost.flops;
    sum.bytesRead += cost.bytesRead;
    sum.bytesWritten += cost.bytesWritten;
  }
  return sum;
}
