import { inferTypes } from '../ops/shape/index.ts';
import type { Attributes, ModelOp } from '../ops/vocabulary.ts';
import type { Constant, Graph, GraphInput, Initializer, Node, Parameter, TensorType } from './types.ts';

/**
 * Builds a graph node by node; types are inferred as nodes are added, so a shape that does not fit is refused at the
 * node that causes it. Values are named after their nodes.
 */
export class GraphBuilder {
  readonly #name: string;
  readonly #inputs: GraphInput[] = [];
  readonly #parameters: Parameter[] = [];
  readonly #constants = new Map<string, Constant>();
  readonly #nodes: Node<ModelOp>[] = [];
  readonly #types = new Map<string, TensorType>();
  readonly #updates = new Map<string, string>();

  constructor(name: string) {
    this.#name = name;
  }

  input(input: GraphInput, type: TensorType): string {
    this.#inputs.push(input);
    this.#types.set(input.name, type);
    return input.name;
  }

  parameter(
    name: string,
    shape: readonly number[],
    initializer: Initializer,
    kind: Parameter['kind'] = 'trainable',
  ): string {
    const type: TensorType = { dataType: 'float32', shape };
    this.#parameters.push({ name, type, initializer, kind });
    this.#types.set(name, type);
    return name;
  }

  constant(name: string, constant: Constant): string {
    this.#constants.set(name, constant);
    this.#types.set(name, constant.type);
    return name;
  }

  /** After a training forward pass, `parameter` takes the value of `value`. */
  update(parameter: string, value: string): void {
    this.#updates.set(parameter, value);
  }

  /** Adds a node and returns its first output; `more` names further outputs (`name/suffix`). */
  add<Name extends ModelOp>(
    op: Name,
    name: string,
    inputs: readonly string[],
    attributes: Attributes[Name],
    more: readonly string[] = [],
  ): string {
    const outputs = [name, ...more.map((suffix) => `${name}/${suffix}`)];
    const node = { op, name, inputs, outputs, attributes } as unknown as Node<ModelOp>;
    const inferred = inferTypes(node, this.#types);
    outputs.forEach((output, index) => {
      this.#types.set(output, inferred[index]!);
    });
    this.#nodes.push(node);
    return name;
  }

  typeOf(value: string): TensorType {
    return this.#types.get(value)!;
  }

  finish(outputs: readonly string[]): Graph {
    return {
      name: this.#name,
      inputs: this.#inputs,
      outputs,
      parameters: this.#parameters,
      constants: this.#constants,
      nodes: this.#nodes,
      types: this.#types,
      updates: this.#updates,
    };
  }
}
