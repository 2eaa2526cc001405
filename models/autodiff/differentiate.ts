import { type Graph, type Node, type Shape, type TensorType, typeOf } from '../graph/types.ts';
import { type Gradient, type GradientContext, gradients, none } from '../ops/gradient/index.ts';
import { inferTypes } from '../ops/shape/index.ts';
import type { ModelOp, Op } from '../ops/vocabulary.ts';
import { valuesNeedingGradient } from './reach.ts';

/** The backward pass of a graph. */
export interface Backward {
  readonly nodes: readonly Node[];
  /** Types of the values that `nodes` define, and of the seeds. */
  readonly types: ReadonlyMap<string, TensorType>;
  /** Value of the graph → value that holds the gradient of the loss with respect to it. */
  readonly gradientOf: ReadonlyMap<string, string>;
}

/**
 * Reverse-mode differentiation: visits the nodes from last to first and asks each node's rule for the gradients of its
 * inputs. Sums contributions where a value is used more than once, and sums away broadcast axes, once for all rules.
 *
 * @param seeds value of the graph → name of the value that holds its gradient (fed from outside)
 * @param wanted values whose gradients are asked for; what does not lead to them is not computed
 */
export function differentiate(graph: Graph, seeds: ReadonlyMap<string, string>, wanted: readonly string[]): Backward {
  const tape = new Tape(graph, seeds);
  const needed = valuesNeedingGradient(graph, wanted);
  for (const node of graph.nodes.toReversed()) {
    if (node.inputs.some((input) => needed.has(input)) && tape.reaches(node)) tape.visit(node, needed);
  }
  const gradientOf = new Map<string, string>();
  for (const value of wanted) {
    const gradient = tape.total(value);
    if (gradient !== undefined) gradientOf.set(value, gradient);
  }
  return { nodes: tape.nodes, types: tape.types, gradientOf };
}

class Tape {
  readonly nodes: Node[] = [];
  readonly types = new Map<string, TensorType>();
  readonly #graph: Graph;
  readonly #contributions = new Map<string, string[]>();
  #emitted = 0;

  constructor(graph: Graph, seeds: ReadonlyMap<string, string>) {
    this.#graph = graph;
    for (const [value, seed] of seeds) {
      this.#contributions.set(value, [seed]);
      this.types.set(seed, typeOf(graph.types, value));
    }
  }

  reaches(node: Node<ModelOp>): boolean {
    return this.#contributions.has(node.outputs[0]!);
  }

  /** The sum of all contributions to a value's gradient; undefined where the loss does not depend on it. */
  total(value: string): string | undefined {
    const parts = this.#contributions.get(value);
    if (parts === undefined) return undefined;
    const sum = parts.reduce((left, right) => this.#emit(`${value}/sum`, 'Add', [left, right], {}, 1)[0]!);
    this.#contributions.set(value, [sum]);
    return sum;
  }

  visit(node: Node<ModelOp>, needed: ReadonlySet<string>): void {
    const rule = gradients[node.op] as (context: GradientContext<ModelOp>) => readonly Gradient[];
    const results = rule(this.#context(node, needed));
    results.forEach((gradient, index) => {
      const input = node.inputs[index];
      if (gradient === none || input === undefined || !needed.has(input)) return;
      const reduced = this.#sumToShape(gradient, typeOf(this.#graph.types, input).shape, node.name);
      const parts = this.#contributions.get(input);
      if (parts === undefined) this.#contributions.set(input, [reduced]);
      else parts.push(reduced);
    });
  }

  #context(node: Node<ModelOp>, needed: ReadonlySet<string>): GradientContext<ModelOp> {
    return {
      attributes: node.attributes as never,
      inputCount: node.inputs.length,
      input: (index) => node.inputs[index]!,
      output: (index) => node.outputs[index]!,
      gradientOfOutput: (index) => this.total(node.outputs[index]!)!,
      shapeOfInput: (index) => typeOf(this.#graph.types, node.inputs[index]!).shape,
      needs: (index) => needed.has(node.inputs[index]!),
      emit: (op, inputs, attributes) => this.#emit(node.name, op, inputs, attributes, 1)[0]!,
      emitAll: (op, inputs, attributes, outputs) => this.#emit(node.name, op, inputs, attributes, outputs),
    };
  }

  #emit(owner: string, op: Op, inputs: readonly string[], attributes: object, count: number): readonly string[] {
    const name = `${owner}/backward${this.#emitted++}`;
    const outputs = Array.from({ length: count }, (_, index) => (index === 0 ? name : `${name}/${index}`));
    const node = { op, name, inputs, outputs, attributes } as unknown as Node;
    const known = new Map(inputs.map((input) => [input, this.#typeOf(input)]));
    const inferred = inferTypes(node, known);
    outputs.forEach((output, index) => {
      this.types.set(output, inferred[index]!);
    });
    this.nodes.push(node);
    return outputs;
  }

  #typeOf(value: string): TensorType {
    return this.types.get(value) ?? typeOf(this.#graph.types, value);
  }

  #sumToShape(gradient: string, shape: Shape, owner: string): string {
    const from = this.#typeOf(gradient).shape;
    if (from.length === shape.length && from.every((size, axis) => size === shape[axis])) return gradient;
    const added = from.length - shape.length;
    const axes = from.flatMap((size, axis) =>
      axis < added || (size !== 1 && shape[axis - added] === 1) ? [axis] : [],
    );
    const [summed] = this.#emit(owner, 'ReduceSum', [gradient], { axes, keepDims: false }, 1);
    return this.#emit(owner, 'Reshape', [summed!], { shape }, 1)[0]!;
  }
}
