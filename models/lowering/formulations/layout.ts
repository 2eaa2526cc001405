import { elementCount } from '../../graph/types.ts';
import { normalizeAxis, sliceBounds } from '../../ops/shape/rule.ts';
import type { LayoutOp, WithGradient } from '../../ops/vocabulary.ts';
import { type Emitter, int, ints, text } from '../emitter.ts';
import { type Formulations, plain } from '../formulation.ts';

/** ONNX reads a size of 0 as "keep": so a leading batch axis stays free in exported graphs. */
function keepLeading(from: readonly number[], to: readonly number[]): readonly number[] {
  return to.length > 0 && from[0] === to[0] ? [0, ...to.slice(1)] : to;
}

function permute(emitter: Emitter, name: string, permutation: readonly number[]): string {
  if (permutation.every((axis, index) => axis === index)) return name;
  return emitter.node('Transpose', [name], { attributes: { perm: ints(...permutation) } });
}

/** All axes with the `moved` ones first. */
function toFront(rank: number, moved: readonly number[]): number[] {
  return [...moved, ...Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !moved.includes(axis))];
}

const inverse = (permutation: readonly number[]) => permutation.map((_, axis) => permutation.indexOf(axis));

/** Adds `rows` into a zero tensor of `shape` at the given positions of its first axis. */
function scatterRows(emitter: Emitter, rows: string, positions: string, shape: readonly number[]): string {
  const zeros = emitter.node('ConstantOfShape', [emitter.integers(shape)]);
  return emitter.node('ScatterND', [zeros, positions, rows], { attributes: { reduction: text('add') } });
}

export const layoutFormulations = {
  Reshape: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      const to = emitter.shapeOf(outputs[0]!);
      const shape = attributes.shape.includes(-1) ? attributes.shape : keepLeading(emitter.shapeOf(inputs[0]!), to);
      emitter.node('Reshape', [emitter.read(inputs[0]!), emitter.integers(shape)], {
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  Flatten: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node('Flatten', [emitter.read(inputs[0]!)], {
        attributes: { axis: int(attributes.axis) },
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  Transpose: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node('Transpose', [emitter.read(inputs[0]!)], {
        attributes: { perm: ints(...attributes.permutation) },
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  Concat: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node(
        'Concat',
        inputs.map((input) => emitter.read(input)),
        { attributes: { axis: int(attributes.axis) }, outputs: [emitter.write(outputs[0]!)] },
      );
    }),
  ],
  Slice: [
    plain(({ inputs, outputs, attributes: { starts, ends, axes, steps } }, emitter) => {
      const bounds = [starts, ends, axes, steps].map((values) => emitter.integers(values));
      emitter.node('Slice', [emitter.read(inputs[0]!), ...bounds], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  // Axis by axis: a row of dY goes back to the row that the slice read.
  SliceGradient: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      const { inputShape, axes, starts, steps } = attributes;
      let value = emitter.read(inputs[0]!);
      const shape = [...emitter.shapeOf(inputs[0]!)];
      axes.forEach((anyAxis, index) => {
        const axis = normalizeAxis(anyAxis, shape.length);
        const [first] = sliceBounds(inputShape[axis]!, starts[index]!, 0);
        const read = Array.from({ length: shape[axis]! }, (_, row) => BigInt(first + row * steps[index]!));
        const positions = emitter.constant({
          name: `rows[${read.join(',')}]`,
          dataType: 'int64',
          shape: [read.length, 1],
          data: BigInt64Array.from(read),
        });
        shape[axis] = inputShape[axis]!;
        const front = toFront(shape.length, [axis]);
        const target = front.map((from) => shape[from]!);
        value = permute(
          emitter,
          scatterRows(emitter, permute(emitter, value, front), positions, target),
          inverse(front),
        );
      });
      emitter.node('Identity', [value], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  Pad: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node(
        'Pad',
        [emitter.read(inputs[0]!), emitter.integers(attributes.pads), emitter.scalar(attributes.value)],
        { outputs: [emitter.write(outputs[0]!)] },
      );
    }),
  ],
  Gather: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node('Gather', [emitter.read(inputs[0]!), emitter.read(inputs[1]!)], {
        attributes: { axis: int(attributes.axis) },
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  // The rows of dY are added to the rows that the indices named.
  GatherGradient: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      const { inputShape } = attributes;
      const axis = normalizeAxis(attributes.axis, inputShape.length);
      const indexShape = emitter.shapeOf(inputs[1]!);
      const rank = emitter.shapeOf(inputs[0]!).length;
      const indexAxes = indexShape.map((_, index) => axis + index);
      const front = toFront(inputShape.length, [axis]);
      const target = front.map((from) => inputShape[from]!);
      const count = elementCount(indexShape);
      const moved = permute(emitter, emitter.read(inputs[0]!), toFront(rank, indexAxes));
      const rows = emitter.node('Reshape', [moved, emitter.integers([count, ...target.slice(1)])]);
      const positions = emitter.node('Reshape', [emitter.read(inputs[1]!), emitter.integers([count, 1])]);
      const scattered = scatterRows(emitter, rows, positions, target);
      emitter.node('Transpose', [scattered], {
        attributes: { perm: ints(...inverse(front)) },
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
} satisfies Formulations<WithGradient<LayoutOp>>;
