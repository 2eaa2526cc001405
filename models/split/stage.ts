import { type Backward, differentiate } from '../autodiff/differentiate.ts';
import { type Graph, type GraphInput, type Node, type Parameter, type TensorType, typeOf } from '../graph/types.ts';
import type { Block } from './blocks.ts';

/** A run of blocks as one board computes it: a forward graph, its backward pass, and what lies between the two. */
export interface Stage {
  readonly firstBlock: number;
  readonly lastBlock: number;
  readonly graph: Graph;
  readonly input: string;
  /** The activation that leaves, or the loss (a scalar) where `isLoss`. */
  readonly output: string;
  readonly isLoss: boolean;
  readonly backward: Backward;
  /** The value that the backward pass is fed with: the gradient of the loss with respect to `output`. */
  readonly outputGradient: string;
  /** Absent on the first stage, which has nobody to send it to. */
  readonly inputGradient: string | undefined;
  /** Trainable parameter → its gradient. */
  readonly gradients: ReadonlyMap<string, string>;
  /** Values of the forward pass that the backward pass reads again. */
  readonly stash: readonly string[];
  /** Types of all values, forward and backward. */
  readonly types: ReadonlyMap<string, TensorType>;
}

/** The stage that holds blocks `first` to `last` (both included). */
export function stageOf(graph: Graph, blocks: readonly Block[], first: number, last: number): Stage {
  const nodes = blocks.slice(first, last + 1).flatMap((block) => block.nodes);
  const input = blocks[first]!.input;
  const output = blocks[last]!.output;
  const stageGraph = subgraph(graph, nodes, input, output);
  const outputGradient = `${output}/gradient`;
  const trainable = stageGraph.parameters.filter((parameter) => parameter.kind === 'trainable').map(({ name }) => name);
  const wanted = first === 0 ? trainable : [...trainable, input];
  const backward = differentiate(stageGraph, new Map([[output, outputGradient]]), wanted);
  const gradients = new Map(backward.gradientOf);
  const inputGradient = gradients.get(input);
  gradients.delete(input);
  return {
    firstBlock: first,
    lastBlock: last,
    graph: stageGraph,
    input,
    output,
    isLoss: last === blocks.length - 1,
    backward,
    outputGradient,
    inputGradient: first === 0 ? undefined : inputGradient,
    gradients,
    stash: stashedValues(stageGraph, backward, outputGradient),
    types: new Map([...stageGraph.types, ...backward.types]),
  };
}

function subgraph(graph: Graph, nodes: readonly Node[], input: string, output: string): Graph {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const parameters = graph.parameters.filter((parameter: Parameter) => used.has(parameter.name));
  const fed: GraphInput[] = graph.inputs.filter((candidate) => used.has(candidate.name) && candidate.role !== 'data');
  const constants = new Map([...graph.constants].filter(([name]) => used.has(name)));
  const known = [input, ...made, ...fed.map(({ name }) => name), ...parameters.map(({ name }) => name)];
  return {
    name: graph.name,
    inputs: [{ role: 'data', name: input }, ...fed],
    outputs: [output],
    parameters,
    constants,
    nodes: nodes as Graph['nodes'],
    types: new Map([...known, ...constants.keys()].map((name) => [name, typeOf(graph.types, name)])),
    updates: new Map([...graph.updates].filter(([, value]) => made.has(value))),
  };
}

/** Parameters and constants are at hand at any time; everything else that backward reads must be kept. */
function stashedValues(graph: Graph, backward: Backward, seed: string): readonly string[] {
  const atHand = new Set([seed, ...graph.parameters.map(({ name }) => name), ...graph.constants.keys()]);
  const made = new Set(backward.nodes.flatMap((node) => node.outputs));
  const read = backward.nodes.flatMap((node) => node.inputs);
  return [...new Set(read)].filter((value) => value !== '' && !atHand.has(value) && !made.has(value));
}
