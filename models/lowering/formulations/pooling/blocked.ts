import type { Window } from '../../../ops/vocabulary.ts';
import { blockedNode, mapOf, wide } from '../../blocked.ts';
import { type Emitter, float, int, ints } from '../../emitter.ts';
import type { Formulation } from '../../formulation.ts';
import { fitsBlocked } from '../../layout.ts';

/** The maximum over columns of a window, then over its rows, each in the engine's pooling with a kernel of one axis. */
export const blockedMaxPool: Formulation<'MaxPool'> = {
  name: 'rows, then columns',
  applies: ({ inputs }, emitter) =>
    fitsBlocked(emitter.shapeOf(inputs[0]!), emitter.capabilities) && emitter.offers(inputs[0]!, 'blocked'),
  emit: ({ inputs, outputs, attributes }, emitter) => {
    const output = mapOf(emitter, outputs[0]!);
    const pooled = poolColumns(emitter, inputs[0]!, attributes);
    const rows = emitter.view(pooled, [
      output.blocks,
      output.block,
      mapOf(emitter, inputs[0]!).height,
      output.width * output.batch,
    ]);
    const both = blockedNode(emitter, 'MaxPool', [rows], axisAttributes(attributes, 0));
    emitter.alias(outputs[0]!, 'blocked', emitter.view(both, wide(output)));
  },
};

/** The window's maxima along each row alone: [C/B·H, B, outputs, N]. */
function poolColumns(emitter: Emitter, value: string, window: Window): string {
  const { blocks, block, height, width, batch } = mapOf(emitter, value);
  const x = emitter.read(value, 'blocked');
  return emitter.once(`${x}/columnMaxima/${window.kernel[1]}/${window.strides[1]}/${window.pads.join()}`, () =>
    blockedNode(
      emitter,
      'MaxPool',
      [emitter.view(x, [blocks * height, block, width, batch])],
      axisAttributes(window, 1),
    ),
  );
}

function axisAttributes({ kernel, strides, pads }: Window, axis: number) {
  return {
    kernel_shape: ints(kernel[axis]!, 1),
    strides: ints(strides[axis]!, 1),
    pads: ints(pads[axis]!, 0, pads[axis + 2]!, 0),
  };
}

/**
 * The gradient of 2×2 windows that tile the map: of the two rows the upper takes it if its maximum is the window's, and
 * of the two columns the left one if it is that row's maximum; so of equal values the first takes it, and the other
 * gets the exact rest, all or nothing.
 */
export const blockedMaxPoolGradient: Formulation<'MaxPoolGradient'> = {
  name: 'upper or lower, left or right',
  applies: ({ inputs, attributes: { kernel, strides, pads } }, emitter) => {
    const [, , height, width] = emitter.shapeOf(inputs[1]!);
    return (
      fitsBlocked(emitter.shapeOf(inputs[1]!), emitter.capabilities) &&
      [...kernel, ...strides].every((size) => size === 2) &&
      pads.every((pad) => pad === 0) &&
      height! % 2 === 0 &&
      width! % 2 === 0
    );
  },
  emit: ({ inputs, outputs, attributes }, emitter) => {
    const [dy, , y] = inputs.map((input) => emitter.read(input, 'blocked'));
    const { blocks, height, width, column } = mapOf(emitter, inputs[1]!);
    const x = emitter.read(inputs[1]!, 'blocked');
    const pooled = [(blocks * height) / 2, 1, (width / 2) * column];
    const maxima = emitter.view(poolColumns(emitter, inputs[1]!, attributes), [pooled[0]!, 2, pooled[2]!]);
    const upper = first(emitter, maxima);
    const rows = choose(emitter, emitter.view(dy!, pooled), upper, emitter.view(y!, pooled));
    const tall = [blocks * height * (width / 2), 1, column];
    const left = first(emitter, emitter.view(x, [tall[0]!, 2, column]));
    const dx = choose(emitter, emitter.view(rows, tall), left, emitter.view(maxima, tall));
    emitter.alias(outputs[0]!, 'blocked', emitter.view(dx, wide(mapOf(emitter, inputs[1]!))));
  },
};

/** The first of each pair on axis 1. */
function first(emitter: Emitter, pairs: string): string {
  const [start, end, axis] = [0, 1, 1].map((value) => emitter.integers([value]));
  return emitter.node('Slice', [pairs, start!, end!, axis!]);
}

/** Gives `gradient` to the first of a pair where it equals their maximum, else to the second: pairs on axis 1. */
function choose(emitter: Emitter, gradient: string, candidate: string, maximum: string): string {
  const behind = emitter.node('Sub', [candidate, maximum]);
  const wins = emitter.node('HardSigmoid', [behind], { attributes: { alpha: float(2 ** 127), beta: float(1) } });
  const firsts = emitter.node('Mul', [gradient, wins]);
  const seconds = emitter.node('Sub', [gradient, firsts]);
  return emitter.node('Concat', [firsts, seconds], { attributes: { axis: int(1) } });
}

/** The mean over all places, for each sample: a blocked map of one place. */
export const blockedAverage: Formulation<'GlobalAveragePool'> = {
  name: 'blocked',
  applies: ({ inputs }, emitter) => fitsBlocked(emitter.shapeOf(inputs[0]!), emitter.capabilities),
  emit: ({ inputs, outputs }, emitter) => {
    const { blocks, height, width, column } = mapOf(emitter, inputs[0]!);
    const places = emitter.view(emitter.read(inputs[0]!, 'blocked'), [blocks, height * width, column]);
    const mean = emitter.node('ReduceMean', [places], { attributes: { axes: ints(1), keepdims: int(0) } });
    emitter.alias(outputs[0]!, 'blocked', emitter.view(mean, wide(mapOf(emitter, outputs[0]!))));
  },
};

export const blockedAverageGradient: Formulation<'GlobalAveragePoolGradient'> = {
  name: 'blocked',
  applies: ({ attributes }, emitter) => fitsBlocked(attributes.inputShape, emitter.capabilities),
  emit: ({ inputs, outputs }, emitter) => {
    const { blocks, height, width, column } = mapOf(emitter, outputs[0]!);
    const dy = emitter.view(emitter.read(inputs[0]!, 'blocked'), [blocks, 1, column]);
    const share = emitter.node('Mul', [dy, emitter.scalar(1 / (height * width))]);
    const spread = emitter.node('Expand', [share, emitter.integers([blocks, height * width, column])]);
    emitter.alias(outputs[0]!, 'blocked', emitter.view(spread, wide(mapOf(emitter, outputs[0]!))));
  },
};
