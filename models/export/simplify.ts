import { type Graph, type Node, type TensorType, typeOf } from '../graph/types.ts';
import { inferTypes } from '../ops/shape/index.ts';
import type { ModelOp } from '../ops/vocabulary.ts';

/**
 * The part of a training graph that computes `output` once training is over: no dropout, and nothing that `output` does
 * not depend on (the loss, the labels, the averages of batch normalisation). The result has one input, the data.
 */
export function inferencePart(graph: Graph, output: string): Graph {
  const dropped = new Map(
    graph.nodes.filter((node) => node.op === 'Dropout').map((node) => [node.outputs[0]!, node.inputs[0]!]),
  );
  const resolve = (value: string): string => {
    const source = dropped.get(value);
    return source === undefined ? value : resolve(source);
  };
  const kept = graph.nodes.filter((node) => node.op !== 'Dropout').map((node) => renameValues(node, resolve));
  return pruned({ ...graph, nodes: kept }, resolve(output));
}

/** Without the nodes, parameters, constants and inputs that `output` does not depend on. */
export function pruned(graph: Graph, output: string): Graph {
  const needed = new Set([output]);
  const nodes: Node<ModelOp>[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((value) => needed.has(value))) continue;
    nodes.unshift(node);
    for (const input of node.inputs) needed.add(input);
  }
  return {
    ...graph,
    outputs: [output],
    nodes,
    inputs: graph.inputs.filter(({ name }) => needed.has(name)),
    parameters: graph.parameters.filter(({ name }) => needed.has(name)),
    constants: new Map([...graph.constants].filter(([name]) => needed.has(name))),
    updates: new Map(),
  };
}

/** Calls the data `input` and the output `output`; another value that has one of these names steps aside. */
export function withBorderNames(graph: Graph, input: string, output: string): Graph {
  const data = dataInput(graph);
  const names = new Map([
    [data, input],
    [graph.outputs[0]!, output],
  ]);
  const rename = (value: string): string =>
    names.get(value) ?? (value === input || value === output ? `${value}/inner` : value);
  return {
    ...graph,
    inputs: [{ role: 'data', name: input }],
    outputs: [output],
    nodes: graph.nodes.map((node) => renameValues(node, rename)),
    parameters: graph.parameters.map((parameter) => ({ ...parameter, name: rename(parameter.name) })),
    constants: new Map([...graph.constants].map(([name, constant]) => [rename(name), constant])),
    types: new Map([...graph.types].map(([name, type]) => [rename(name), type])),
  };
}

/** The same graph for another batch size: the types of all values are inferred anew. */
export function withBatch(graph: Graph, batch: number): Graph {
  const data = dataInput(graph);
  const types = new Map<string, TensorType>();
  const dataType = typeOf(graph.types, data);
  types.set(data, { ...dataType, shape: [batch, ...dataType.shape.slice(1)] });
  for (const { name, type } of graph.parameters) types.set(name, type);
  for (const [name, { type }] of graph.constants) types.set(name, type);
  const nodes = graph.nodes.map((node) => freeLeadingAxis(node, graph));
  for (const node of nodes) {
    const inferred = inferTypes(node, types);
    node.outputs.forEach((output, index) => {
      types.set(output, inferred[index]!);
    });
  }
  return { ...graph, nodes, types };
}

function dataInput(graph: Graph): string {
  return graph.inputs.find((input) => input.role === 'data')!.name;
}

/** A reshape to sizes that are written out says them all but the leading one, which follows from the batch. */
function freeLeadingAxis(node: Node<ModelOp>, graph: Graph): Node<ModelOp> {
  if (node.op !== 'Reshape') return node;
  const { shape } = typeOf(graph.types, node.outputs[0]!);
  return shape.length === 0 ? node : { ...node, attributes: { shape: [-1, ...shape.slice(1)] } };
}

function renameValues(node: Node<ModelOp>, rename: (value: string) => string): Node<ModelOp> {
  const all = (values: readonly string[]) => values.map((value) => (value === '' ? '' : rename(value)));
  return { ...node, inputs: all(node.inputs), outputs: all(node.outputs) };
}
