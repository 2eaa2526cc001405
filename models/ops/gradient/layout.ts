import { elementCount } from '../../graph/types.ts';
import { normalizeAxis, reducedShape } from '../shape/rule.ts';
import type { LayoutOp } from '../vocabulary.ts';
import { type GradientRules, none } from './rule.ts';

export const layoutGradients: GradientRules<'ReduceMean' | LayoutOp> = {
  // dX = dY/n, spread over the reduced axes
  ReduceMean: (node) => {
    const { axes, keepDims } = node.attributes;
    const shape = node.shapeOfInput(0);
    const kept = reducedShape(shape, axes, true);
    const dy = node.gradientOfOutput(0);
    const aligned = keepDims ? dy : node.emit('Reshape', [dy], { shape: kept });
    const factor = elementCount(kept) / elementCount(shape);
    return [node.emit('Expand', [node.emit('Scale', [aligned], { factor })], { shape })];
  },
  Reshape: (node) => [node.emit('Reshape', [node.gradientOfOutput(0)], { shape: node.shapeOfInput(0) })],
  Flatten: (node) => [node.emit('Reshape', [node.gradientOfOutput(0)], { shape: node.shapeOfInput(0) })],
  Transpose: (node) => {
    const inverse = node.attributes.permutation.map((_, axis) => node.attributes.permutation.indexOf(axis));
    return [node.emit('Transpose', [node.gradientOfOutput(0)], { permutation: inverse })];
  },
  // Each input takes its slice of dY.
  Concat: (node) => {
    const axis = normalizeAxis(node.attributes.axis, node.shapeOfInput(0).length);
    let start = 0;
    return Array.from({ length: node.inputCount }, (_, index) => {
      const end = start + node.shapeOfInput(index)[axis]!;
      const slice = { axes: [axis], starts: [start], ends: [end], steps: [1] };
      start = end;
      return node.needs(index) ? node.emit('Slice', [node.gradientOfOutput(0)], slice) : none;
    });
  },
  Slice: (node) => [
    node.emit('SliceGradient', [node.gradientOfOutput(0)], {
      ...node.attributes,
      inputShape: node.shapeOfInput(0),
    }),
  ],
  // dX is what of dY lies inside the padding (negative pads cut, so their gradient pads).
  Pad: (node) => [
    node.emit('Pad', [node.gradientOfOutput(0)], { pads: node.attributes.pads.map((p) => -p), value: 0 }),
  ],
  Gather: (node) => [
    node.emit('GatherGradient', [node.gradientOfOutput(0), node.input(1)], {
      axis: node.attributes.axis,
      inputShape: node.shapeOfInput(0),
    }),
    none,
  ],
};
