import { type DataType, type Node, type TensorType, typeOf } from '../graph/types.ts';
import type { OnnxAttribute, OnnxInitializer, OnnxNode } from '../onnx/types.ts';
import { convert, type Layout, physicalShape } from './layout.ts';

/** What the engine that will run the nodes can do. */
export interface Capabilities {
  /** Channels a block in the engine's blocked convolution layout (NCHWc): 8, 16, or 0 where it has none. */
  readonly channelBlock: 0 | 8 | 16;
}

/** Plain ONNX everywhere: what an engine that is not known gets. */
export const plainCapabilities: Capabilities = { channelBlock: 0 };

export type Activation = Node<'Relu' | 'Clip'>;

/** Value → the activation that is the only one to read it. */
export type Followers = ReadonlyMap<string, Activation>;

/** A value as it crosses the border of a lowered program: which value, in which layout, of which physical shape. */
export interface Port {
  readonly name: string;
  readonly value: string;
  readonly layout: Layout;
  readonly dataType: DataType;
  readonly shape: readonly number[];
}

/** The name under which a value in a layout comes into a program. */
export function portName({ value, layout }: Pick<Port, 'value' | 'layout'>): string {
  return layout === 'plain' ? value : `${value}@${layout}`;
}

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: string;
  /** Names of the outputs where they matter; otherwise one fresh name is made. */
  readonly outputs?: readonly string[];
}

/** Attributes by kind, so that formulations read `ints(1, 1)` instead of a tagged literal. */
export const int = (value: number): OnnxAttribute => ({ kind: 'int', value });
export const float = (value: number): OnnxAttribute => ({ kind: 'float', value });
export const text = (value: string): OnnxAttribute => ({ kind: 'string', value });
export const ints = (...value: number[]): OnnxAttribute => ({ kind: 'ints', value });

/**
 * Collects the ONNX nodes of one program. A value may exist in several layouts; `read` gives it in the layout asked
 * for and converts it once where it must. A value that nobody has defined becomes an input of the program.
 */
export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly capabilities: Capabilities;
  readonly types: ReadonlyMap<string, TensorType>;
  readonly #available = new Map<string, Map<Layout, string>>();
  readonly #initializers = new Map<string, OnnxInitializer>();
  readonly #inputs = new Map<string, Port>();
  readonly #inputLayouts: (value: string) => readonly Layout[];
  readonly #followers: Followers;
  readonly #derived = new Map<string, string>();
  #fresh = 0;

  /** @param inputLayouts the layouts in which a value may be asked for from outside, the preferred first */
  constructor(
    types: ReadonlyMap<string, TensorType>,
    capabilities: Capabilities,
    inputLayouts: (value: string) => readonly Layout[] = () => ['plain'],
    followers: Followers = new Map(),
  ) {
    this.types = types;
    this.capabilities = capabilities;
    this.#inputLayouts = inputLayouts;
    this.#followers = followers;
  }

  get inputs(): readonly Port[] {
    return [...this.#inputs.values()];
  }

  get initializers(): readonly OnnxInitializer[] {
    return [...this.#initializers.values()];
  }

  typeOf(value: string): TensorType {
    return typeOf(this.types, value);
  }

  shapeOf(value: string): readonly number[] {
    return this.typeOf(value).shape;
  }

  /** Is the value at hand in this layout, without a conversion? */
  has(value: string, layout: Layout): boolean {
    return this.#available.get(value)?.has(layout) ?? false;
  }

  /** Can the value be had in this layout without a conversion: is it at hand, or may it be asked for from outside? */
  offers(value: string, layout: Layout): boolean {
    return this.#available.get(value)?.has(layout) ?? this.#inputLayouts(value).includes(layout);
  }

  /** The activation that alone reads a value, so that whoever computes the value may compute the activation with it. */
  followerOf(value: string): Activation | undefined {
    return this.#followers.get(value);
  }

  /** The ONNX name of a value in a layout. */
  read(value: string, layout: Layout = 'plain'): string {
    if (value === '') return '';
    const at = this.#available.get(value) ?? this.#request(value, layout);
    const ready = at.get(layout);
    if (ready !== undefined) return ready;
    const [from, name] = [...at][0]!;
    const converted = convert(this, name, this.shapeOf(value), from, layout);
    at.set(layout, converted);
    return converted;
  }

  /** The ONNX name under which the caller will define a value in a layout. */
  write(value: string, layout: Layout = 'plain'): string {
    const name = portName({ value, layout });
    this.alias(value, layout, name);
    return name;
  }

  /** Says that `name` already holds `value` in `layout`. */
  alias(value: string, layout: Layout, name: string): void {
    const at = this.#available.get(value);
    if (at === undefined) this.#available.set(value, new Map([[layout, name]]));
    else at.set(layout, name);
  }

  /** Adds a node and returns the name of its first output. */
  node(op: string, inputs: readonly string[], options: NodeOptions = {}): string {
    const outputs = options.outputs ?? [this.fresh(op)];
    const name = `${op}:${outputs[0]}`;
    const { attributes = {}, domain = '' } = options;
    this.nodes.push({ op, domain, name, inputs, outputs, attributes });
    return outputs[0]!;
  }

  /** The same memory under another shape; costs nothing, and equal views are shared. */
  view(name: string, shape: readonly number[]): string {
    return this.once(`${name}[${shape.join(',')}]`, () => this.node('Reshape', [name, this.integers(shape)]));
  }

  /** Makes what is known under `key` at the first call and gives it again at the others. */
  once(key: string, make: () => string): string {
    const known = this.#derived.get(key);
    if (known !== undefined) return known;
    const name = make();
    this.#derived.set(key, name);
    return name;
  }

  fresh(hint: string): string {
    return `${hint}#${this.#fresh++}`;
  }

  /** A constant of integers (axes, shapes, pads); equal ones are shared. */
  integers(values: readonly number[]): string {
    const name = `int64[${values.join(',')}]`;
    return this.#initializer({
      name,
      dataType: 'int64',
      shape: [values.length],
      data: BigInt64Array.from(values, BigInt),
    });
  }

  scalar(value: number): string {
    return this.#initializer({
      name: `scalar(${value})`,
      dataType: 'float32',
      shape: [],
      data: Float32Array.of(value),
    });
  }

  constant(initializer: OnnxInitializer): string {
    return this.#initializer(initializer);
  }

  #initializer(initializer: OnnxInitializer): string {
    if (!this.#initializers.has(initializer.name)) this.#initializers.set(initializer.name, initializer);
    return initializer.name;
  }

  #request(value: string, layout: Layout): Map<Layout, string> {
    const offered = this.#inputLayouts(value);
    const taken = offered.includes(layout) ? layout : offered[0]!;
    const name = this.write(value, taken);
    const { dataType, shape } = this.typeOf(value);
    const physical = physicalShape(shape, taken, this.capabilities);
    this.#inputs.set(name, { name, value, layout: taken, dataType, shape: physical });
    return this.#available.get(value)!;
  }
}
