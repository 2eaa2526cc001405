import { elementCount, type Graph, type Node } from '../../models/index.ts';

/** Values by name, in double or single precision. */
type Values = Map<string, ArrayLike<number>>;
type Compute = (node: never, values: Values, shapeOf: (value: string) => readonly number[]) => Float64Array;

/** Calls `visit` with every position below `sizes`, in row-major order. */
function forEachPosition(sizes: readonly number[], visit: (position: readonly number[]) => void): void {
  const position = sizes.map(() => 0);
  for (let count = elementCount(sizes); count > 0; count--) {
    visit(position);
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      position[axis]! += 1;
      if (position[axis]! < sizes[axis]!) break;
      position[axis] = 0;
    }
  }
}

const offsetOf = (sizes: readonly number[], position: readonly number[]) =>
  position.reduce((offset, at, axis) => (at < 0 || at >= sizes[axis]! ? Number.NaN : offset * sizes[axis]! + at), 0);

const eachOf = (compute: (value: number) => number): Compute =>
  (({ inputs }: Node, values: Values) => Float64Array.from(values.get(inputs[0]!)!, compute)) as Compute;

/** Operations as their definitions read, in double precision, batch size 1, without a thought for speed. */
const operations: Record<string, Compute> = {
  Relu: eachOf((value) => Math.max(0, value)),
  Flatten: eachOf((value) => value),
  Reshape: eachOf((value) => value),
  Dropout: eachOf((value) => value),
  Clip: ({ inputs, attributes }: Node<'Clip'>, values) =>
    Float64Array.from(values.get(inputs[0]!)!, (value) => Math.min(attributes.max, Math.max(attributes.min, value))),
  Add: ({ inputs }: Node<'Add'>, values) => {
    const right = values.get(inputs[1]!)!;
    return Float64Array.from(values.get(inputs[0]!)!, (value, index) => value + right[index]!);
  },
  Gemm: ({ inputs }: Node<'Gemm'>, values) => {
    const [x, weight, bias] = inputs.map((input) => values.get(input)!);
    return Float64Array.from(bias!, (start, output) => {
      let sum = start;
      for (let i = 0; i < x!.length; i++) sum += x![i]! * weight![output * x!.length + i]!;
      return sum;
    });
  },
  BatchNormalization: ({ inputs, attributes }: Node<'BatchNormalization'>, values) => {
    const [x, scale, bias, mean, variance] = inputs.map((input) => values.get(input)!);
    const perChannel = x!.length / scale!.length;
    return Float64Array.from(x!, (value, index) => {
      const c = Math.floor(index / perChannel);
      return (scale![c]! * (value - mean![c]!)) / Math.sqrt(variance![c]! + attributes.epsilon) + bias![c]!;
    });
  },
  GlobalAveragePool: ({ inputs }: Node<'GlobalAveragePool'>, values, shapeOf) => {
    const x = values.get(inputs[0]!)!;
    const channels = shapeOf(inputs[0]!)[1]!;
    const size = x.length / channels;
    return Float64Array.from({ length: channels }, (_, c) => {
      let sum = 0;
      for (let i = 0; i < size; i++) sum += x[c * size + i]!;
      return sum / size;
    });
  },
  MaxPool: ({ inputs, outputs, attributes }: Node<'MaxPool'>, values, shapeOf) => {
    const x = values.get(inputs[0]!)!;
    const [, channels, ...sizes] = shapeOf(inputs[0]!);
    const result: number[] = [];
    forEachPosition([channels!, ...shapeOf(outputs[0]!).slice(2)], ([c, ...at]) => {
      let largest = Number.NEGATIVE_INFINITY;
      forEachPosition(attributes.kernel, (inKernel) => {
        const from = at.map((p, axis) => p * attributes.strides[axis]! + inKernel[axis]! - attributes.pads[axis]!);
        const offset = offsetOf(sizes, from);
        if (!Number.isNaN(offset)) largest = Math.max(largest, x[c! * elementCount(sizes) + offset]!);
      });
      result.push(largest);
    });
    return Float64Array.from(result);
  },
  Conv: ({ inputs, outputs, attributes }: Node<'Conv'>, values, shapeOf) => {
    const { kernel, strides, pads, dilations, groups } = attributes;
    const [x, weight, bias] = inputs.map((input) => values.get(input)!);
    const [, , ...sizes] = shapeOf(inputs[0]!);
    const [channels, perGroup] = shapeOf(inputs[1]!);
    const spatial = shapeOf(outputs[0]!).slice(2);
    const [area, taps, positions] = [elementCount(sizes), elementCount(kernel), elementCount(spatial)];
    const result = new Float64Array(channels! * positions);
    for (let o = 0; o < channels!; o++) result.fill(bias?.[o] ?? 0, o * positions, (o + 1) * positions);
    let output = 0;
    forEachPosition(spatial, (at) => {
      let tap = 0;
      forEachPosition(kernel, (inKernel) => {
        const from = at.map((p, axis) => p * strides[axis]! + inKernel[axis]! * dilations[axis]! - pads[axis]!);
        const offset = offsetOf(sizes, from);
        if (!Number.isNaN(offset)) {
          for (let o = 0; o < channels!; o++) {
            const first = Math.floor(o / (channels! / groups)) * perGroup!;
            let sum = 0;
            for (let i = 0; i < perGroup!; i++) {
              sum += x![(first + i) * area + offset]! * weight![(o * perGroup! + i) * taps + tap]!;
            }
            result[o * positions + output]! += sum;
          }
        }
        tap++;
      });
      output++;
    });
    return result;
  },
};

/**
 * The value `output` of a graph of batch size 1, with dropout off and batch normalisation by its running averages.
 * @param values the data and every parameter, by name
 */
export function evaluate(graph: Graph, output: string, values: ReadonlyMap<string, ArrayLike<number>>): Float64Array {
  const known: Values = new Map(values);
  const shapeOf = (value: string) => graph.types.get(value)!.shape;
  for (const node of graph.nodes) {
    const compute = operations[node.op];
    if (node.inputs.some((input) => !known.has(input)) && node.op !== 'Dropout') continue;
    if (compute === undefined) throw new Error(`no reference for ${node.op}`);
    known.set(node.outputs[0]!, compute(node as never, known, shapeOf));
  }
  return known.get(output) as Float64Array;
}
