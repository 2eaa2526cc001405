import test from 'ava';
import {
  type Attributes,
  buildModel,
  float32,
  GraphBuilder,
  type ModelOp,
  ShapeError,
  UnknownModelError,
} from '../../models/index.ts';

/** Adds one node to a graph whose inputs have these shapes. */
function addTo<Name extends ModelOp>(op: Name, attributes: Attributes[Name], ...shapes: number[][]): GraphBuilder {
  const builder = new GraphBuilder('test');
  const inputs = shapes.map((shape, index) => builder.input({ role: 'data', name: `in${index}` }, float32(...shape)));
  builder.add(op, 'node', inputs, attributes);
  return builder;
}

const convolution = { kernel: [3, 3], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], groups: 1 };
const product = { transA: false, transB: false, alpha: 1, beta: 1 };

const refused: readonly [title: string, build: () => unknown, message: RegExp][] = [
  [
    'weights for other channels',
    () => addTo('Conv', convolution, [1, 3, 8, 8], [4, 2, 3, 3]),
    /Conv 'node': weights of shape \[4, 2, 3, 3\] in 1 groups do not fit 3 channels/,
  ],
  [
    'groups that do not divide the outputs',
    () => addTo('Conv', { ...convolution, groups: 2 }, [1, 4, 8, 8], [3, 2, 3, 3]),
    /in 2 groups do not fit 4 channels/,
  ],
  [
    'a bias of another length',
    () => addTo('Conv', convolution, [1, 3, 8, 8], [4, 3, 3, 3], [3]),
    /a bias of 3 values does not fit 4 output channels/,
  ],
  [
    'a kernel larger than its input',
    () => addTo('Conv', convolution, [1, 3, 2, 2], [4, 3, 3, 3]),
    /the kernel \[3, 3\] is larger than the padded input \[2, 2\]/,
  ],
  [
    'a two-dimensional kernel on a sequence',
    () => addTo('Conv', convolution, [1, 3, 9], [4, 3, 3, 3]),
    /a kernel of 2 axes cannot slide over an input of shape \[1, 3, 9\]/,
  ],
  [
    'factors of unequal inner sizes',
    () => addTo('Gemm', product, [2, 3], [4, 5]),
    /cannot multiply \[2, 3\] by \[4, 5\]/,
  ],
  ['batches that do not broadcast', () => addTo('MatMul', {}, [2, 3, 4], [3, 4, 5]), /batch axes do not broadcast/],
  ['summands that do not broadcast', () => addTo('Add', {}, [2, 3], [2, 4]), /shapes \[2, 3\] and \[2, 4\]/],
  [
    'a scale of another length',
    () => addTo('BatchNormalization', { epsilon: 1e-5, momentum: 0.1 }, [2, 3], [4], [4], [4], [4]),
    /a scale of 4 values does not fit 3 channels/,
  ],
  ['a view of another size', () => addTo('Reshape', { shape: [5] }, [2, 3]), /cannot view \[2, 3\] as \[5\]/],
  ['parts that differ beside the axis', () => addTo('Concat', { axis: 0 }, [2, 3], [2, 4]), /differ beside axis 0/],
  ['targets of another shape', () => addTo('SquaredError', {}, [4, 1], [4]), /\[4, 1\] cannot be compared with \[4\]/],
  ['labels for another batch', () => addTo('SoftmaxCrossEntropy', {}, [4, 3], [5]), /need one label a row/],
];

for (const [title, build, message] of refused) {
  test(`${title} are refused at the node, with the shapes`, (t) => {
    t.throws(build, { instanceOf: ShapeError, code: 'MODEL_SHAPE', message });
  });
}

test('a dilated kernel counts with its gaps, once', (t) => {
  const attributes = { ...convolution, dilations: [2, 1] };
  t.deepEqual(addTo('Conv', attributes, [1, 3, 8, 8], [4, 3, 3, 3]).typeOf('node').shape, [1, 4, 4, 6]);
});

test('a model that is not in the zoo is refused with the list of those that are', (t) => {
  t.throws(() => buildModel('lenet', { batch: 1, classes: 2, inputShape: [1] }), {
    instanceOf: UnknownModelError,
    message: /unknown model 'lenet': choose one of vgg11, resnet18/,
  });
});

test('an image that is too small for a model is refused', (t) => {
  t.throws(() => buildModel('vgg11', { batch: 1, classes: 2, inputShape: [3, 16, 16] }), { instanceOf: ShapeError });
});
