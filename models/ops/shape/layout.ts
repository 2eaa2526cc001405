import type { Shape } from '../../graph/types.ts';
import { elementCount } from '../../graph/types.ts';
import type { LayoutOp, LossOp, ProductOp, ReductionOp, SliceAttributes, WithGradient } from '../vocabulary.ts';
import { like, normalizeAxis, reducedShape, type ShapeRules, sliceBounds, tensor } from './rule.ts';

function slicedShape(shape: Shape, slice: SliceAttributes): number[] {
  const result = [...shape];
  slice.axes.forEach((axis, index) => {
    const at = normalizeAxis(axis, shape.length);
    const [start, end] = sliceBounds(shape[at]!, slice.starts[index]!, slice.ends[index]!);
    result[at] = Math.max(0, Math.ceil((end - start) / slice.steps[index]!));
  });
  return result;
}

/** Fills in one -1, as ONNX and PyTorch do. */
function reshapedShape(from: Shape, to: readonly number[]): Shape | undefined {
  const known = to.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const shape = to.map((size) => (size === -1 ? elementCount(from) / known : size));
  return elementCount(shape) === elementCount(from) && shape.every(Number.isInteger) ? shape : undefined;
}

export const layoutShapes: ShapeRules<ProductOp | ReductionOp | WithGradient<LayoutOp | LossOp>> = {
  Gemm: ([a, b], { transA, transB }, fail) => {
    const [rows, inner] = transA ? [a!.shape[1]!, a!.shape[0]!] : [a!.shape[0]!, a!.shape[1]!];
    const [innerB, columns] = transB ? [b!.shape[1]!, b!.shape[0]!] : [b!.shape[0]!, b!.shape[1]!];
    if (inner !== innerB) {
      throw fail(`cannot multiply [${a!.shape.join(', ')}] by [${b!.shape.join(', ')}]: inner sizes differ`);
    }
    return [tensor([rows, columns])];
  },
  MatMul: ([a, b], _, fail) => {
    const rank = Math.max(a!.shape.length, b!.shape.length);
    const inner = a!.shape.at(-1);
    if (a!.shape.length < 2 || b!.shape.length < 2 || inner !== b!.shape.at(-2)) {
      throw fail(`cannot multiply [${a!.shape.join(', ')}] by [${b!.shape.join(', ')}]`);
    }
    const batch: number[] = [];
    for (let axis = 0; axis < rank - 2; axis++) {
      const left = a!.shape[axis - rank + a!.shape.length] ?? 1;
      const right = b!.shape[axis - rank + b!.shape.length] ?? 1;
      if (left !== right && left !== 1 && right !== 1) throw fail('batch axes do not broadcast together');
      batch.push(Math.max(left, right));
    }
    return [tensor([...batch, a!.shape.at(-2)!, b!.shape.at(-1)!])];
  },
  ReduceMean: ([x], { axes, keepDims }) => [tensor(reducedShape(x!.shape, axes, keepDims))],
  ReduceSum: ([x], { axes, keepDims }) => [tensor(reducedShape(x!.shape, axes, keepDims))],
  Expand: (_, { shape }) => [tensor(shape)],
  Reshape: ([x], { shape }, fail) => {
    const result = reshapedShape(x!.shape, shape);
    if (result === undefined) {
      throw fail(`cannot view [${x!.shape.join(', ')}] as [${shape.join(', ')}]: the element counts differ`);
    }
    return [{ ...x!, shape: result }];
  },
  Flatten: ([x], { axis }) => {
    const at = normalizeAxis(axis, x!.shape.length);
    return [tensor([elementCount(x!.shape.slice(0, at)), elementCount(x!.shape.slice(at))])];
  },
  Transpose: ([x], { permutation }) => [tensor(permutation.map((axis) => x!.shape[axis]!))],
  Concat: (inputs, { axis }, fail) => {
    const first = inputs[0]!.shape;
    const at = normalizeAxis(axis, first.length);
    for (const { shape } of inputs) {
      if (shape.some((size, index) => index !== at && size !== first[index])) {
        throw fail(`[${first.join(', ')}] and [${shape.join(', ')}] differ beside axis ${at}`);
      }
    }
    const total = inputs.reduce((sum, { shape }) => sum + shape[at]!, 0);
    return [tensor(first.map((size, index) => (index === at ? total : size)))];
  },
  Slice: ([x], attributes) => [tensor(slicedShape(x!.shape, attributes))],
  SliceGradient: (_, { inputShape }) => [tensor(inputShape)],
  Pad: ([x], { pads }) => {
    const rank = x!.shape.length;
    return [tensor(x!.shape.map((size, axis) => size + pads[axis]! + pads[axis + rank]!))];
  },
  Gather: ([x, indices], { axis }) => {
    const at = normalizeAxis(axis, x!.shape.length);
    return [tensor([...x!.shape.slice(0, at), ...indices!.shape, ...x!.shape.slice(at + 1)])];
  },
  GatherGradient: (_, { inputShape }) => [tensor(inputShape)],
  SoftmaxCrossEntropy: ([logits, labels], _, fail) => {
    if (logits!.shape.length !== 2 || labels!.shape[0] !== logits!.shape[0]) {
      throw fail(`logits [${logits!.shape.join(', ')}] need one label a row, not [${labels!.shape.join(', ')}]`);
    }
    return [tensor([])];
  },
  SoftmaxCrossEntropyGradient: like(1),
  SquaredError: ([prediction, target], _, fail) => {
    if (prediction!.shape.join() !== target!.shape.join()) {
      throw fail(`[${prediction!.shape.join(', ')}] cannot be compared with [${target!.shape.join(', ')}]`);
    }
    return [tensor([])];
  },
};
