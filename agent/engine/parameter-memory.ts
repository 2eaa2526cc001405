import {
  type Capabilities,
  elementCount,
  type Layout,
  type Parameter,
  packedCount,
  parameterLayouts,
  physicalShape,
  type Stage,
} from '../../models/index.ts';
import type { Tensor } from './onnx-runtime.ts';

/** Places are multiples of this many values: whole cache lines. */
const alignment = 16;
/** Values that one run of the update graph takes: large enough that calls cost nothing, small enough for the cache. */
const chunkValues = 262_144;

/** Where a stage's trainable parameters lie in its vectors, and in which layout. */
export interface ParameterMemory {
  readonly layouts: ReadonlyMap<string, Layout>;
  /** The trainable parameters, with the shapes in which they are held. */
  readonly trainable: readonly Parameter[];
  /** Values of a vector, whole chunks. */
  readonly length: number;
  /** One chunk of a vector, as if it were a parameter: what the update graph is made for. */
  readonly chunk: Parameter;
  /** Tensors over a vector, by parameter. */
  over(vector: Float32Array<ArrayBuffer>): ReadonlyMap<string, Tensor>;
  /** Tensors over all of a vector, one a chunk. */
  chunksOf(vector: Float32Array<ArrayBuffer>): readonly Tensor[];
}

/**
 * Plans the vectors of a stage. Parameters, gradients and optimizer state are a vector each, so that an update is a few
 * runs over long chunks: a run that is given a tensor for every parameter spends more time on handing them over.
 */
export function planMemory(stage: Stage, capabilities: Capabilities): ParameterMemory {
  const layouts = parameterLayouts(stage, capabilities);
  const layoutOf = (name: string) => layouts.get(name) ?? 'plain';
  const places = new Map<string, { start: number; count: number; shape: readonly number[] }>();
  let end = 0;
  const trainable = stage.graph.parameters.filter(({ kind }) => kind === 'trainable');
  for (const { name, type } of trainable) {
    const count = packedCount(type.shape, layoutOf(name), capabilities.channelBlock);
    places.set(name, { start: end, count, shape: physicalShape(type.shape, layoutOf(name), capabilities) });
    end += roundUp(count, alignment);
  }
  const chunk = Math.max(alignment, Math.min(chunkValues, end));
  return {
    layouts,
    trainable: trainable.map((parameter) => withShape(parameter, places.get(parameter.name)!.shape)),
    length: roundUp(end, chunk),
    chunk: withShape({ name: 'parameters', kind: 'trainable', initializer: { kind: 'constant', value: 0 } }, [chunk]),
    over: (vector) =>
      new Map(
        [...places].map(([name, { start, count, shape }]) => [
          name,
          { shape, data: vector.subarray(start, start + count) },
        ]),
      ),
    chunksOf: (vector) =>
      Array.from({ length: vector.length / chunk }, (_, index) => ({
        shape: [chunk],
        data: vector.subarray(index * chunk, (index + 1) * chunk),
      })),
  };
}

function withShape(parameter: Omit<Parameter, 'type'>, shape: readonly number[]): Parameter {
  return { ...parameter, type: { dataType: 'float32', shape } };
}

function roundUp(count: number, unit: number): number {
  return Math.ceil(count / unit) * unit;
}

/** A tensor of zeros in a layout. */
export function zeros(shape: readonly number[], layout: Layout, capabilities: Capabilities): Tensor {
  const physical = physicalShape(shape, layout, capabilities);
  return { shape: physical, data: new Float32Array(elementCount(physical)) };
}
