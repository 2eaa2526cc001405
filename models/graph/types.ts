import type { Attributes, ModelOp, Op } from '../ops/vocabulary.ts';

export type DataType = 'float32' | 'int64' | 'bool';
export type Shape = readonly number[];

export interface TensorType {
  readonly dataType: DataType;
  readonly shape: Shape;
}

/** One operation. Inputs and outputs are names of values; the types of all values stand in the graph. */
export interface NodeOf<Name extends Op> {
  readonly op: Name;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes[Name];
}

/** A node whose attributes match its op: a union that `switch (node.op)` narrows. */
export type Node<Name extends Op = Op> = Name extends Op ? NodeOf<Name> : never;

/** How a parameter gets its first values; `fan` counts are in elements. */
export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'normal'; readonly deviation: number };

/**
 * A tensor that lives from step to step. `trainable` ones get a gradient and optimizer state; `running` ones
 * (batch-norm averages) are replaced by a value that the forward pass computes.
 */
export interface Parameter {
  readonly name: string;
  readonly type: TensorType;
  readonly initializer: Initializer;
  readonly kind: 'trainable' | 'running';
}

/** What a graph is fed with at each micro-batch, by role. */
export type GraphInput =
  | { readonly role: 'data'; readonly name: string }
  | { readonly role: 'target'; readonly name: string }
  | { readonly role: 'dropout'; readonly name: string; readonly keepProbability: number };

export interface Constant {
  readonly type: TensorType;
  readonly data: Float32Array | BigInt64Array;
}

/** A typed graph of model operations in topological order, for one fixed micro-batch size. */
export interface Graph<Name extends Op = ModelOp> {
  readonly name: string;
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly nodes: readonly Node<Name>[];
  readonly types: ReadonlyMap<string, TensorType>;
  /** Running parameter → the value that replaces it after a training forward pass. */
  readonly updates: ReadonlyMap<string, string>;
}

export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

const bytesPerElement = { float32: 4, int64: 8, bool: 1 } as const satisfies Record<DataType, number>;

/** Size in bytes of a tensor of this type. */
export function byteSize(type: TensorType): number {
  return elementCount(type.shape) * bytesPerElement[type.dataType];
}

export function float32(...shape: number[]): TensorType {
  return { dataType: 'float32', shape };
}

/** The type of a value, which every well-formed graph has. */
export function typeOf(types: ReadonlyMap<string, TensorType>, value: string): TensorType {
  const type = types.get(value);
  if (type === undefined) throw new Error(`value '${value}' has no type: the graph was built without the builder`);
  return type;
}
