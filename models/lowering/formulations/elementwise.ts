import type { Node } from '../../graph/types.ts';
import type { Op } from '../../ops/vocabulary.ts';
import { mapOf, wide } from '../blocked.ts';
import { type Emitter, float } from '../emitter.ts';
import type { Formulation } from '../formulation.ts';
import { fitsBlocked } from '../layout.ts';

/**
 * Operations that take each value by itself compute the same in every layout; they stay in the blocked one where an
 * input comes in it. What they give where channels only fill up a block must be zero again.
 */
export function inBlocks<Name extends Op>(
  compute: (node: Node<Name>, emitter: Emitter, inputs: readonly string[], output: string) => void,
  fits: (node: Node<Name>) => boolean = () => true,
): Formulation<Name> {
  return {
    name: 'blocked',
    applies: (node, emitter) => {
      const values = [...node.inputs, node.outputs[0]!];
      const shape = emitter.shapeOf(node.outputs[0]!);
      return (
        fits(node) &&
        fitsBlocked(shape, emitter.capabilities) &&
        values.every((value) => emitter.shapeOf(value).join() === shape.join()) &&
        node.inputs.some((input) => emitter.offers(input, 'blocked'))
      );
    },
    emit: (node, emitter) => {
      const shape = wide(mapOf(emitter, node.outputs[0]!));
      const inputs = (node.inputs as readonly string[]).map((input) =>
        emitter.view(emitter.read(input, 'blocked'), shape),
      );
      compute(node, emitter, inputs, emitter.write(node.outputs[0]!, 'blocked'));
    },
  };
}

/** An operation that ONNX has under the same name, without attributes. */
export function sameInBlocks<Name extends Op>(): Formulation<Name> {
  return inBlocks<Name>((node, emitter, inputs, output) => emitter.node(node.op, inputs, { outputs: [output] }));
}

/** The operation before has computed this activation along with its own output. */
export function alreadyComputed<Name extends 'Relu' | 'Clip'>(): Formulation<Name> {
  return {
    name: 'computed by the operation before',
    applies: ({ outputs }, emitter) => emitter.has(outputs[0]!, 'blocked'),
    emit: () => {},
  };
}

/** So steep that any positive float that is not subnormal gives 1; a power of two, so that products are exact. */
const steepest = 2 ** 127;
const steep = 2 ** 100;

/** dX = dY·[Y > 0]; the bracket is a hard sigmoid, which is one pass where comparing and choosing are two slower ones. */
export const blockedReluGradient = inBlocks<'ReluGradient'>((_, emitter, [dy, y], output) => {
  const mask = emitter.node('HardSigmoid', [y!], { attributes: { alpha: float(steepest), beta: float(0) } });
  emitter.node('Mul', [dy!, mask], { outputs: [output] });
});

/** dX = dY·[Y > min]·[Y < max] */
export const blockedClipGradient = inBlocks<'ClipGradient'>(
  ({ attributes: { min, max } }, emitter, [dy, y], output) => {
    const above = emitter.node('HardSigmoid', [y!], {
      attributes: min === 0 ? step(steepest, 0) : step(steep, -min * steep),
    });
    const below = emitter.node('HardSigmoid', [y!], { attributes: step(-steep, max * steep) });
    emitter.node('Mul', [emitter.node('Mul', [dy!, above]), below], { outputs: [output] });
  },
  ({ attributes: { min, max } }) => keepsZero({ min, max }) && [min, max].every((bound) => Math.abs(bound) < 2 ** 20),
);

const step = (alpha: number, beta: number) => ({ alpha: float(alpha), beta: float(beta) });

export const blockedClip = inBlocks<'Clip'>(
  ({ attributes: { min, max } }, emitter, inputs, output) => {
    emitter.node('Clip', [...inputs, emitter.scalar(min), emitter.scalar(max)], { outputs: [output] });
  },
  ({ attributes }) => keepsZero(attributes),
);

export const keepsZero = ({ min, max }: { readonly min: number; readonly max: number }) => min <= 0 && max >= 0;
