import { type Backward, differentiate } from '../autodiff/differentiate.ts';
import { type Graph, type Node, type TensorType, typeOf } from '../graph/types.ts';
import type { Block } from './blocks.ts';
import { type Added, packedName, packing, unpacking } from './crossing.ts';

/** A run of blocks as one board computes it: a forward graph, its backward pass, and what lies between the two. */
export interface Stage {
  readonly firstBlock: number;
  readonly lastBlock: number;
  readonly graph: Graph;
  /** The tensor that comes in: the one that enters, or those that do, packed as one (`crossing.ts`). */
  readonly input: string;
  /** The tensor that goes out: the activation that leaves, or those that do, packed; the loss (a scalar) where `isLoss`. */
  readonly output: string;
  /** The values of the model that cross the cut before the stage and the one behind it. */
  readonly entering: readonly string[];
  readonly leaving: readonly string[];
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
  /** Nodes of `graph` and `backward` that pack and unpack; none where one tensor crosses. */
  readonly packing: ReadonlySet<Node>;
  /** Types of all values, forward and backward. */
  readonly types: ReadonlyMap<string, TensorType>;
}

/** The stage that holds blocks `first` to `last` (both included). */
export function stageOf(graph: Graph, blocks: readonly Block[], first: number, last: number): Stage {
  const nodes = blocks.slice(first, last + 1).flatMap((block) => block.nodes);
  const { entering } = blocks[first]!;
  const { leaving } = blocks[last]!;
  const inner = subgraph(graph, nodes, entering, leaving);
  const trainable = inner.parameters.filter((parameter) => parameter.kind === 'trainable').map(({ name }) => name);
  const wanted = first === 0 ? trainable : [...trainable, ...entering];
  const seeds = leaving.map(gradientName);
  const innerBackward = differentiate(inner, new Map(leaving.map((value, index) => [value, seeds[index]!])), wanted);
  const gradients = new Map(innerBackward.gradientOf);
  const inputGradients = first === 0 ? [] : entering.map((value) => gradients.get(value)!);
  for (const value of entering) gradients.delete(value);

  // Packed and unpacked around the two passes: what lies between is the same wherever the model is cut.
  const [input, output] = [packedName(entering), packedName(leaving)];
  const unpackInput = unpacking(input, entering, inner.types);
  const packOutput = packing(leaving, output, inner.types);
  const stageGraph: Graph = {
    ...around(unpackInput, inner, packOutput),
    inputs: [{ role: 'data', name: input }, ...inner.inputs],
    outputs: [output],
  };
  const outputGradient = gradientName(output);
  const inputGradient = inputGradients.length > 1 ? gradientName(input) : inputGradients[0];
  const types = new Map([...inner.types, ...innerBackward.types]);
  const unpackSeeds = unpacking(outputGradient, seeds, types);
  const packGradients = packing(inputGradients, gradientName(input), types);
  const backward: Backward = around(unpackSeeds, innerBackward, packGradients);
  return {
    firstBlock: first,
    lastBlock: last,
    graph: stageGraph,
    input,
    output,
    entering,
    leaving,
    isLoss: last === blocks.length - 1,
    backward,
    outputGradient,
    inputGradient,
    gradients,
    stash: stashedValues(stageGraph, backward, outputGradient),
    packing: new Set([unpackInput, packOutput, unpackSeeds, packGradients].flatMap((part) => part.nodes)),
    types: new Map([...stageGraph.types, ...backward.types]),
  };
}

const gradientName = (value: string) => `${value}/gradient`;

function around<Part extends Pick<Backward, 'nodes' | 'types'>>(before: Added, part: Part, after: Added): Part {
  return {
    ...part,
    nodes: [...before.nodes, ...part.nodes, ...after.nodes],
    types: new Map([...before.types, ...part.types, ...after.types]),
  };
}

/** The nodes as a graph of their own, with what they are fed beside the data. */
function subgraph(graph: Graph, nodes: Graph['nodes'], entering: readonly string[], leaving: readonly string[]): Graph {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const parameters = graph.parameters.filter((parameter) => used.has(parameter.name));
  const inputs = graph.inputs.filter((candidate) => used.has(candidate.name) && candidate.role !== 'data');
  const constants = new Map([...graph.constants].filter(([name]) => used.has(name)));
  const known = [...entering, ...made, ...inputs.map(({ name }) => name), ...parameters.map(({ name }) => name)];
  return {
    name: graph.name,
    inputs,
    outputs: leaving,
    parameters,
    constants,
    nodes,
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
