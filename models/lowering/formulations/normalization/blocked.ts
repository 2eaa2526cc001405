import { type BlockedMap, blockedNode, channelDot, channelSum, mapOf, wide, withFollower } from '../../blocked.ts';
import { type Emitter, int, ints } from '../../emitter.ts';
import type { Formulation } from '../../formulation.ts';
import { fitsBlocked } from '../../layout.ts';
import { batchStatistics } from './statistics.ts';

/**
 * Batch normalisation in few passes over the map: sums over samples and places in the engine's pooling and depthwise
 * convolution, then y = x·s + b with the activation in one depthwise convolution with a 1×1 kernel.
 */

/** x·factor + shift (+ more), with a factor and a shift for each channel; attributes and outputs as given. */
function scaleChannels(
  emitter: Emitter,
  x: string,
  map: BlockedMap,
  operands: { readonly factor: string; readonly shift?: string; readonly more?: string },
  { attributes = {}, outputs }: Partial<ReturnType<typeof withFollower>> = {},
): string {
  const { factor, shift = '', more } = operands;
  const inputs = [emitter.view(x, wide(map)), emitter.view(factor, [map.channels, 1, 1, 1]), shift];
  if (more !== undefined) inputs.push(more);
  while (inputs.at(-1) === '') inputs.pop();
  return blockedNode(
    emitter,
    'Conv',
    inputs,
    { kernel_shape: ints(1, 1), group: int(map.channels), ...attributes },
    outputs,
  );
}

/**
 * σ² = E[x²] − μ². Rounding makes that wrong by about (μ/σ)²·10⁻⁷ of itself, and negative where σ is nothing beside μ:
 * then it counts as zero.
 */
export const blockedNormalization: Formulation<'BatchNormalization'> = {
  name: 'blocked',
  applies: ({ inputs }, emitter) => fitsBlocked(emitter.shapeOf(inputs[0]!), emitter.capabilities),
  emit: (node, emitter) => {
    const { inputs, outputs } = node;
    const map = mapOf(emitter, inputs[0]!);
    const [x, scale, bias] = inputs.slice(0, 3).map((input) => emitter.read(input, 'blocked'));
    const perPlace = emitter.scalar(1 / (map.batch * map.height * map.width));
    const mean = emitter.node('Mul', [channelSum(emitter, x!, map), perPlace], {
      outputs: [emitter.write(outputs[3]!, 'blocked')],
    });
    const square = emitter.node('Mul', [channelDot(emitter, x!, x!, map), perPlace]);
    const difference = emitter.node('Sub', [square, emitter.node('Mul', [mean, mean])]);
    const variance = emitter.node('Relu', [difference]);
    batchStatistics(node, emitter, mean, variance, 'blocked');
    const factor = emitter.node('Mul', [scale!, emitter.read(outputs[4]!, 'blocked')]);
    const shift = emitter.node('Sub', [bias!, emitter.node('Mul', [mean, factor])]);
    scaleChannels(emitter, x!, map, { factor, shift }, withFollower(emitter, node));
  },
};

/**
 * dβ = Σ dy, dγ = (Σ dy·x − μ·dβ)/σ, and dx = γ/σ·(dy − dβ/n − (x−μ)/σ·dγ/n), which is
 * s·dy + c₁·x + c₀ with s = γ/σ, c₁ = −s·dγ/(σ·n), c₀ = −s·dβ/n − c₁·μ.
 */
export const blockedNormalizationGradient: Formulation<'BatchNormalizationGradient'> = {
  name: 'blocked',
  applies: ({ inputs }, emitter) => fitsBlocked(emitter.shapeOf(inputs[1]!), emitter.capabilities),
  emit: ({ inputs, outputs }, emitter) => {
    const map = mapOf(emitter, inputs[1]!);
    const [dy, x, scale, mean, inverse] = inputs.map((input) => emitter.read(input, 'blocked'));
    const multiply = (left: string, right: string) => emitter.node('Mul', [left, right]);
    const dbias = channelSum(emitter, dy!, map);
    emitter.alias(outputs[2]!, 'blocked', dbias);
    const centred = emitter.node('Sub', [channelDot(emitter, dy!, x!, map), multiply(mean!, dbias)]);
    const dscale = emitter.node('Mul', [centred, inverse!], { outputs: [emitter.write(outputs[1]!, 'blocked')] });
    const factor = multiply(scale!, inverse!);
    const share = multiply(factor, emitter.scalar(-1 / (map.batch * map.height * map.width)));
    const slope = multiply(multiply(share, inverse!), dscale);
    const shift = emitter.node('Sub', [multiply(share, dbias), multiply(slope, mean!)]);
    const more = scaleChannels(emitter, dy!, map, { factor });
    const output = [emitter.write(outputs[0]!, 'blocked')];
    scaleChannels(emitter, x!, map, { factor: slope, shift, more }, { outputs: output });
  },
};
