import type { ActivationOp, WithGradient } from '../../ops/vocabulary.ts';
import { type Emitter, int } from '../emitter.ts';
import { type Formulations, plain, same } from '../formulation.ts';
import { alreadyComputed, blockedClip, blockedClipGradient, blockedReluGradient, sameInBlocks } from './elementwise.ts';

type TwoValues = { readonly inputs: readonly string[]; readonly outputs: readonly string[] };

/** Reads both inputs, computes, and defines the output. */
function binary(compute: (emitter: Emitter, first: string, second: string, output: string) => void) {
  return plain<never>(((node: TwoValues, emitter: Emitter) => {
    const [first, second] = node.inputs;
    compute(emitter, emitter.read(first!), emitter.read(second!), emitter.write(node.outputs[0]!));
  }) as never);
}

const rootHalf = Math.SQRT1_2;
const rootTwoOverPi = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

/** The inner tanh of the approximate Gelu: tanh(√(2/π)·(x + 0.044715·x³)). */
function innerTanh(emitter: Emitter, x: string): string {
  const square = emitter.node('Mul', [x, x]);
  const factor = emitter.node('Add', [emitter.node('Mul', [square, emitter.scalar(cubic)]), emitter.scalar(1)]);
  const scaled = emitter.node('Mul', [emitter.node('Mul', [x, factor]), emitter.scalar(rootTwoOverPi)]);
  return emitter.node('Tanh', [scaled]);
}

/** Φ(x), the normal distribution's cumulative function. */
function normalCumulative(emitter: Emitter, x: string): string {
  const erf = emitter.node('Erf', [emitter.node('Mul', [x, emitter.scalar(rootHalf)])]);
  return emitter.node('Mul', [emitter.node('Add', [erf, emitter.scalar(1)]), emitter.scalar(0.5)]);
}

export const activationFormulations = {
  Relu: [alreadyComputed<'Relu'>(), sameInBlocks<'Relu'>(), ...same<'Relu'>()],
  Clip: [
    alreadyComputed<'Clip'>(),
    blockedClip,
    plain(({ inputs, outputs, attributes }, emitter) => {
      const bounds = [emitter.scalar(attributes.min), emitter.scalar(attributes.max)];
      emitter.node('Clip', [emitter.read(inputs[0]!), ...bounds], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  Sigmoid: same(),
  Tanh: same(),
  Gelu: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      const x = emitter.read(inputs[0]!);
      const half = () => emitter.node('Add', [innerTanh(emitter, x), emitter.scalar(1)]);
      const weight =
        attributes.approximate === 'none'
          ? normalCumulative(emitter, x)
          : emitter.node('Mul', [half(), emitter.scalar(0.5)]);
      emitter.node('Mul', [x, weight], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  HardSwish: same(),
  Softmax: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node('Softmax', [emitter.read(inputs[0]!)], {
        attributes: { axis: int(attributes.axis) },
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  // dX = dY·(Y > 0)
  ReluGradient: [
    blockedReluGradient,
    binary((emitter, dy, y, dx) => {
      const mask = emitter.node('Greater', [y, emitter.scalar(0)]);
      emitter.node('Where', [mask, dy, emitter.scalar(0)], { outputs: [dx] });
    }),
  ],
  // dX = dY·(min < Y < max)
  ClipGradient: [
    blockedClipGradient,
    plain(({ inputs, outputs, attributes }, emitter) => {
      const dy = emitter.read(inputs[0]!);
      const y = emitter.read(inputs[1]!);
      const above = emitter.node('Greater', [y, emitter.scalar(attributes.min)]);
      const below = emitter.node('Less', [y, emitter.scalar(attributes.max)]);
      const mask = emitter.node('And', [above, below]);
      emitter.node('Where', [mask, dy, emitter.scalar(0)], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  // dX = dY·Y·(1−Y)
  SigmoidGradient: [
    binary((emitter, dy, y, dx) => {
      const slope = emitter.node('Mul', [y, emitter.node('Sub', [emitter.scalar(1), y])]);
      emitter.node('Mul', [dy, slope], { outputs: [dx] });
    }),
  ],
  // dX = dY·(1−Y²)
  TanhGradient: [
    binary((emitter, dy, y, dx) => {
      const slope = emitter.node('Sub', [emitter.scalar(1), emitter.node('Mul', [y, y])]);
      emitter.node('Mul', [dy, slope], { outputs: [dx] });
    }),
  ],
  GeluGradient: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      const x = emitter.read(inputs[1]!);
      const slope = attributes.approximate === 'none' ? exactGeluSlope(emitter, x) : tanhGeluSlope(emitter, x);
      emitter.node('Mul', [emitter.read(inputs[0]!), slope], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  // y = x·clip(x/6 + ½, 0, 1): slope 0 below −3, 1 above 3, x/3 + ½ between
  HardSwishGradient: [
    binary((emitter, dy, x, dx) => {
      const ramp = emitter.node('Add', [emitter.node('Mul', [x, emitter.scalar(1 / 3)]), emitter.scalar(0.5)]);
      const below = emitter.node('Less', [x, emitter.scalar(-3)]);
      const above = emitter.node('Greater', [x, emitter.scalar(3)]);
      const bounded = emitter.node('Where', [above, emitter.scalar(1), ramp]);
      const slope = emitter.node('Where', [below, emitter.scalar(0), bounded]);
      emitter.node('Mul', [dy, slope], { outputs: [dx] });
    }),
  ],
  // dX = Y·(dY − Σ dY·Y)
  SoftmaxGradient: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      const dy = emitter.read(inputs[0]!);
      const y = emitter.read(inputs[1]!);
      const product = emitter.node('Mul', [dy, y]);
      const sum = emitter.node('ReduceSum', [product, emitter.integers([attributes.axis])], {
        attributes: { keepdims: int(1) },
      });
      emitter.node('Mul', [y, emitter.node('Sub', [dy, sum])], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
} satisfies Formulations<WithGradient<ActivationOp>>;

/** Φ(x) + x·φ(x) */
function exactGeluSlope(emitter: Emitter, x: string): string {
  const square = emitter.node('Mul', [x, x]);
  const bell = emitter.node('Exp', [emitter.node('Mul', [square, emitter.scalar(-0.5)])]);
  const density = emitter.node('Mul', [bell, emitter.scalar(1 / Math.sqrt(2 * Math.PI))]);
  return emitter.node('Add', [normalCumulative(emitter, x), emitter.node('Mul', [x, density])]);
}

/** ½(1+t) + ½·x·(1−t²)·√(2/π)·(1 + 3·0.044715·x²), with t the inner tanh */
function tanhGeluSlope(emitter: Emitter, x: string): string {
  const tanh = innerTanh(emitter, x);
  const half = emitter.scalar(0.5);
  const first = emitter.node('Mul', [emitter.node('Add', [tanh, emitter.scalar(1)]), half]);
  const steep = emitter.node('Sub', [emitter.scalar(1), emitter.node('Mul', [tanh, tanh])]);
  const square = emitter.node('Mul', [x, x]);
  const inner = emitter.node('Add', [emitter.node('Mul', [square, emitter.scalar(3 * cubic)]), emitter.scalar(1)]);
  const outer = emitter.node('Mul', [emitter.node('Mul', [x, inner]), emitter.scalar(rootTwoOverPi / 2)]);
  return emitter.node('Add', [first, emitter.node('Mul', [steep, outer])]);
}
