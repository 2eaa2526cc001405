import type { ArithmeticOp, LossOp, ProductOp, ReductionOp, WithGradient } from '../../ops/vocabulary.ts';
import { float, int, ints } from '../emitter.ts';
import { type Formulations, plain, same } from '../formulation.ts';
import { sameInBlocks } from './elementwise.ts';
import { blockedChannelSum } from './normalization/channel-sum.ts';

export const arithmeticFormulations = {
  Add: [sameInBlocks<'Add'>(), ...same<'Add'>()],
  Sub: [sameInBlocks<'Sub'>(), ...same<'Sub'>()],
  Mul: [sameInBlocks<'Mul'>(), ...same<'Mul'>()],
  Div: same(),
  Neg: [sameInBlocks<'Neg'>(), ...same<'Neg'>()],
  Scale: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node('Mul', [emitter.read(inputs[0]!), emitter.scalar(attributes.factor)], {
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  // The mask holds 0 or 1/keep.
  Dropout: [
    plain(({ inputs, outputs }, emitter) => {
      emitter.node('Mul', [emitter.read(inputs[0]!), emitter.read(inputs[1]!)], {
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  MatMul: same(),
  Gemm: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node(
        'Gemm',
        inputs.map((input) => emitter.read(input)),
        {
          attributes: {
            transA: int(Number(attributes.transA)),
            transB: int(Number(attributes.transB)),
            alpha: float(attributes.alpha),
            beta: float(attributes.beta),
          },
          outputs: [emitter.write(outputs[0]!)],
        },
      );
    }),
  ],
  ReduceSum: [
    blockedChannelSum,
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node('ReduceSum', [emitter.read(inputs[0]!), emitter.integers(attributes.axes)], {
        attributes: { keepdims: int(Number(attributes.keepDims)) },
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  ReduceMean: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node('ReduceMean', [emitter.read(inputs[0]!)], {
        attributes: { axes: ints(...attributes.axes), keepdims: int(Number(attributes.keepDims)) },
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  Expand: [
    plain(({ inputs, outputs, attributes }, emitter) => {
      emitter.node('Expand', [emitter.read(inputs[0]!), emitter.integers(attributes.shape)], {
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
  // mean over the batch of −log softmax at the label
  SoftmaxCrossEntropy: [
    plain(({ inputs, outputs }, emitter) => {
      const logProbabilities = emitter.node('LogSoftmax', [emitter.read(inputs[0]!)], { attributes: { axis: int(1) } });
      const column = emitter.node('Unsqueeze', [emitter.read(inputs[1]!), emitter.integers([1])]);
      const picked = emitter.node('GatherElements', [logProbabilities, column], { attributes: { axis: int(1) } });
      const mean = emitter.node('ReduceMean', [picked], { attributes: { keepdims: int(0) } });
      emitter.node('Neg', [mean], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  // (softmax − onehot)·dloss/N
  SoftmaxCrossEntropyGradient: [
    plain(({ inputs, outputs }, emitter) => {
      const [batch, classes] = emitter.shapeOf(inputs[1]!);
      const probabilities = emitter.node('Softmax', [emitter.read(inputs[1]!)], { attributes: { axis: int(1) } });
      const offAndOn = emitter.constant({
        name: 'offAndOn',
        dataType: 'float32',
        shape: [2],
        data: Float32Array.of(0, 1),
      });
      const labels = emitter.read(inputs[2]!);
      const oneHot = emitter.node('OneHot', [labels, emitter.integers([classes!]), offAndOn]);
      const difference = emitter.node('Sub', [probabilities, oneHot]);
      const factor = emitter.node('Mul', [emitter.read(inputs[0]!), emitter.scalar(1 / batch!)]);
      emitter.node('Mul', [difference, factor], { outputs: [emitter.write(outputs[0]!)] });
    }),
  ],
  SquaredError: [
    plain(({ inputs, outputs }, emitter) => {
      const difference = emitter.node('Sub', [emitter.read(inputs[0]!), emitter.read(inputs[1]!)]);
      emitter.node('ReduceMean', [emitter.node('Mul', [difference, difference])], {
        attributes: { keepdims: int(0) },
        outputs: [emitter.write(outputs[0]!)],
      });
    }),
  ],
} satisfies Formulations<ArithmeticOp | ProductOp | ReductionOp | WithGradient<LossOp>>;
