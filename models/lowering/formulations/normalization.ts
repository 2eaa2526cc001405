import { elementCount } from '../../graph/types.ts';
import { normalizeAxis } from '../../ops/shape/rule.ts';
import type { NormalizationOp, WithGradient } from '../../ops/vocabulary.ts';
import { type Emitter, float, int, ints } from '../emitter.ts';
import { type Formulations, plain } from '../formulation.ts';
import { blockedNormalization, blockedNormalizationGradient } from './normalization/blocked.ts';
import { batchStatistics } from './normalization/statistics.ts';

/** Views [C] so that it broadcasts over [N, C, …]. */
function perChannel(emitter: Emitter, name: string, rank: number): string {
  return emitter.node('Reshape', [name, emitter.integers([-1, ...Array<number>(rank - 2).fill(1)])]);
}

export const normalizationFormulations = {
  BatchNormalization: [
    blockedNormalization,
    // With momentum 0 the operator's "running" outputs are the batch's own mean and variance. ONNX Runtime writes them
    // over its inputs, so it is given copies: the real averages must not change before the moving average is taken.
    plain((node, emitter) => {
      const [x, scale, bias, runningMean, runningVariance] = node.inputs.map((input) => emitter.read(input));
      const mean = emitter.write(node.outputs[3]!);
      const variance = emitter.fresh('variance');
      const copies = [runningMean!, runningVariance!].map((value) => emitter.node('Mul', [value, emitter.scalar(0)]));
      emitter.node('BatchNormalization', [x!, scale!, bias!, ...copies], {
        attributes: { epsilon: float(node.attributes.epsilon), momentum: float(0), training_mode: int(1) },
        outputs: [emitter.write(node.outputs[0]!), mean, variance],
      });
      batchStatistics(node, emitter, mean, variance);
    }),
  ],
  BatchNormalizationGradient: [
    blockedNormalizationGradient,
    // x̂ = (x−μ)/σ:  dβ = Σ dy, dγ = Σ dy·x̂, dx = γ/σ·(dy − dβ/n − x̂·dγ/n)
    plain(({ inputs, outputs }, emitter) => {
      const shape = emitter.shapeOf(inputs[1]!);
      const [dy, x, scale, mean, inverse] = inputs.map((input) => emitter.read(input));
      const axes = emitter.integers(shape.map((_, axis) => axis).filter((axis) => axis !== 1));
      const sum = (value: string, output: string) =>
        emitter.node('ReduceSum', [value, axes], { attributes: { keepdims: int(0) }, outputs: [output] });
      const wide = (value: string) => perChannel(emitter, value, shape.length);
      const perElement = emitter.scalar(shape[1]! / elementCount(shape));
      const centred = emitter.node('Sub', [x!, wide(mean!)]);
      const normalized = emitter.node('Mul', [centred, wide(inverse!)]);
      const dbias = sum(dy!, emitter.write(outputs[2]!));
      const dscale = sum(emitter.node('Mul', [dy!, normalized]), emitter.write(outputs[1]!));
      const meanPart = wide(emitter.node('Mul', [dbias, perElement]));
      const slopePart = wide(emitter.node('Mul', [dscale, perElement]));
      const withoutMean = emitter.node('Sub', [dy!, meanPart]);
      const difference = emitter.node('Sub', [withoutMean, emitter.node('Mul', [normalized, slopePart])]);
      const factor = wide(emitter.node('Mul', [scale!, inverse!]));
      emitter.node('Mul', [difference, factor], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  LayerNormalization: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node(
        'LayerNormalization',
        inputs.map((input) => emitter.read(input)),
        {
          attributes: { axis: int(attributes.axis), epsilon: float(attributes.epsilon) },
          outputs: outputs.map((output) => emitter.write(output)),
        },
      );
    }),
  ],
  // g = dy·γ, x̂ = (x−μ)/σ:  dx = (g − mean(g) − x̂·mean(g·x̂))/σ; dγ = Σ dy·x̂ and dβ = Σ dy over the outer axes
  LayerNormalizationGradient: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      const rank = emitter.shapeOf(inputs[1]!).length;
      const axis = normalizeAxis(attributes.axis, rank);
      const inner = Array.from({ length: rank - axis }, (_, index) => axis + index);
      const outer = emitter.integers(Array.from({ length: axis }, (_, index) => index));
      const [dy, x, scale, mean, inverse] = inputs.map((input) => emitter.read(input));
      const average = (value: string) =>
        emitter.node('ReduceMean', [value], { attributes: { axes: ints(...inner), keepdims: int(1) } });
      const sumOuter = (value: string, output: string) =>
        emitter.node('ReduceSum', [value, outer], {
          // Where all axes are normalised there is nothing to sum, and no axes would otherwise mean all.
          attributes: { keepdims: int(0), noop_with_empty_axes: int(1) },
          outputs: [emitter.write(output)],
        });
      const normalized = emitter.node('Mul', [emitter.node('Sub', [x!, mean!]), inverse!]);
      const scaled = emitter.node('Mul', [dy!, scale!]);
      const projected = emitter.node('Mul', [normalized, average(emitter.node('Mul', [scaled, normalized]))]);
      const centred = emitter.node('Sub', [scaled, average(scaled)]);
      const difference = emitter.node('Sub', [centred, projected]);
      emitter.node('Mul', [difference, inverse!], { outputs: [emitter.write(outputs[0]!)] });
      sumOuter(emitter.node('Mul', [dy!, normalized]), outputs[1]!);
      sumOuter(dy!, outputs[2]!);
    }),
  ],
} satisfies Formulations<WithGradient<NormalizationOp>>;
