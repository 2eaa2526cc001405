import test from 'ava';
import ort from 'onnxruntime-node';
import {
  buildModel,
  decodeOnnx,
  Emitter,
  ExportMetadataError,
  ExportWeightsError,
  elementCount,
  encodeOnnx,
  exportInference,
  FixedBatchError,
  float,
  float32,
  GraphBuilder,
  InferenceMetadataError,
  lowerNodes,
  type Model,
  modelNames,
  plainCapabilities,
  randomStream,
  readMetadata,
  zoo,
} from '../../models/index.ts';
import { evaluate } from './reference-forward.ts';

const classes = ['plane', 'car', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
const batches = [1, 3, 16];

function modelOf(name: string, batch = 16): Model {
  return buildModel(name, { batch, classes: classes.length, inputShape: zoo[name as keyof typeof zoo].sample });
}

function normalizationOf(model: Model) {
  const channels = model.options.inputShape[0]!;
  return { mean: Array<number>(channels).fill(0.5), std: Array<number>(channels).fill(0.25) };
}

/** Weights as after some training: scales, shifts and averages that differ from channel to channel. */
function trainedWeights(model: Model): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  for (const { name, type, initializer } of model.graph.parameters) {
    const values = new Float32Array(elementCount(type.shape));
    const stream = randomStream(3, name);
    if (initializer.kind === 'uniform') stream.fillUniform(values, -initializer.bound, initializer.bound);
    else if (initializer.kind === 'normal') stream.fillNormal(values, 0, initializer.deviation);
    else if (initializer.value === 1) stream.fillUniform(values, 0.5, 1.5);
    else stream.fillUniform(values, -0.3, 0.3);
    weights.set(name, values);
  }
  return weights;
}

function samplesOf(model: Model, batch: number): Float32Array {
  const values = new Float32Array(batch * elementCount(model.options.inputShape));
  randomStream(5, 'samples').fillNormal(values, 0, 1);
  return values;
}

const exported = (model: Model, weights = trainedWeights(model)) =>
  exportInference(model, weights, { classes, normalization: normalizationOf(model) });

const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const;

async function run(bytes: Uint8Array, feeds: Record<string, ort.Tensor>): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(bytes, { ...options, graphOptimizationLevel: 'disabled' });
  const results = await session.run(feeds);
  await session.release();
  return results[session.outputNames[0]!]!.data as Float32Array;
}

/** The training graph, node by node, with ONNX's own batch normalisation in inference mode: nothing is folded. */
function unfolded(model: Model): Uint8Array {
  const emitter = new Emitter(model.graph.types, plainCapabilities);
  for (const node of model.graph.nodes) {
    if (node.op === 'SoftmaxCrossEntropy') continue;
    if (node.op === 'Dropout') emitter.alias(node.outputs[0]!, 'plain', emitter.read(node.inputs[0]!));
    else if (node.op === 'BatchNormalization') {
      const inputs = node.inputs.map((input) => emitter.read(input));
      const outputs = [emitter.write(node.outputs[0]!)];
      emitter.node(node.op, inputs, { attributes: { epsilon: float(node.attributes.epsilon) }, outputs });
    } else lowerNodes([node], emitter);
  }
  const outputs = [{ name: model.logits, dataType: 'float32', shape: emitter.shapeOf(model.logits) } as const];
  const { nodes, initializers, inputs } = emitter;
  return encodeOnnx({ name: 'unfolded', opsets: { '': 17 }, inputs, outputs, nodes, initializers, metadata: {} });
}

function feedsOf(model: Model, weights: ReadonlyMap<string, Float32Array>, x: Float32Array, batch: number) {
  const parameters = model.graph.parameters.map(
    ({ name, type }) => [name, new ort.Tensor('float32', weights.get(name)!, type.shape)] as const,
  );
  const sample = [batch, ...model.options.inputShape];
  return { ...Object.fromEntries(parameters), x: new ort.Tensor('float32', x, sample) };
}

/** The largest difference in units of the largest value. */
function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [worst, largest] = [0, 1e-9];
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return actual.length === expected.length ? worst / largest : Number.POSITIVE_INFINITY;
}

for (const name of modelNames) {
  test.serial(`the exported ${name} gives the logits of the training graph at any batch size`, async (t) => {
    const weights = trainedWeights(modelOf(name));
    const bytes = exported(modelOf(name), weights);
    for (const batch of batches) {
      const model = modelOf(name, batch);
      const x = samplesOf(model, batch);
      const input = new ort.Tensor('float32', x, [batch, ...model.options.inputShape]);
      const logits = await run(bytes, { input });
      const { x: data, ...parameters } = feedsOf(model, weights, x, batch);
      const expected = await run(unfolded(model), { x: data, ...parameters });
      t.is(logits.length, batch * classes.length);
      t.true(distance(logits, expected) < 1e-4, `batch ${batch}: ${distance(logits, expected)}`);
    }
  });

  test.serial(`the exported ${name} is written in standard operators and mirrors through the reader`, (t) => {
    const model = modelOf(name);
    const bytes = exported(model);
    const onnx = decodeOnnx(bytes);
    t.deepEqual(onnx.opsets, { '': 17 });
    t.true(onnx.nodes.every(({ domain }) => domain === ''));
    t.false(onnx.nodes.some(({ op }) => ['BatchNormalization', 'Dropout', 'LogSoftmax'].includes(op)));
    t.deepEqual(onnx.inputs, [{ name: 'input', dataType: 'float32', shape: ['N', ...model.options.inputShape] }]);
    t.deepEqual(onnx.outputs, [{ name: 'logits', dataType: 'float32', shape: ['N', classes.length] }]);
    t.is(Buffer.compare(encodeOnnx(onnx), bytes), 0);
  });
}

for (const name of ['cifarnet', 'harcnn', 'mobilenetv2', 'mlp']) {
  test.serial(`the exported ${name} gives what plain loops over the training graph compute`, async (t) => {
    const model = modelOf(name, 1);
    const weights = trainedWeights(model);
    const x = samplesOf(model, 1);
    const input = new ort.Tensor('float32', x, [1, ...model.options.inputShape]);
    const logits = await run(exported(model, weights), { input });
    const expected = evaluate(model.graph, model.logits, new Map([...weights, ['x', x]]));
    t.true(distance(logits, expected) < 1e-4, String(distance(logits, expected)));
  });
}

test('an exported file runs with the optimisations that ONNX Runtime applies by default', async (t) => {
  const model = modelOf('cifarnet', 1);
  const session = await ort.InferenceSession.create(exported(model), options);
  t.deepEqual([session.inputNames, session.outputNames], [['input'], ['logits']]);
  const feeds = { input: new ort.Tensor('float32', samplesOf(model, 1), [1, 3, 32, 32]) };
  t.deepEqual((await session.run(feeds)).logits!.dims, [1, 10]);
  await session.release();
});

test('the file names its model, classes, sample shape and normalisation', (t) => {
  const model = modelOf('harcnn');
  t.deepEqual(readMetadata(decodeOnnx(exported(model))), {
    model: 'harcnn',
    classes,
    sampleShape: [9, 128],
    normalization: normalizationOf(model),
  });
});

/** conv → bn, where the convolution is read a second time: y = bn(conv(x)) + conv(x), then a dropout and a linear layer. */
function sharedConvolution(
  batch: number,
  head = (builder: GraphBuilder, sum: string) => builder.add('Reshape', 'rows', [sum], { shape: [batch, 48] }),
): Model {
  const builder = new GraphBuilder('shared');
  builder.input({ role: 'data', name: 'logits' }, float32(batch, 2, 4, 4));
  const zero = { kind: 'constant', value: 0 } as const;
  const parameter = (name: string, ...shape: number[]) => builder.parameter(name, shape, zero);
  const window = { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], groups: 1 };
  const conv = builder.add('Conv', 'conv', ['logits', parameter('w', 3, 2, 3, 3), parameter('input', 3)], window);
  const statistics = ['γ', 'β', 'μ', 'σ²'].map((name) => parameter(name, 3));
  const attributes = { epsilon: 1e-3, momentum: 0.1 };
  builder.add('BatchNormalization', 'bn', [conv, ...statistics], attributes, ['mean', 'var', 'batchMean', 'inverse']);
  const sum = builder.add('Add', 'sum', ['bn', conv], {});
  const rows = head(builder, sum);
  const mask = builder.input({ role: 'dropout', name: 'mask', keepProbability: 0.5 }, builder.typeOf(rows));
  const dropped = builder.add('Dropout', 'drop', [rows, mask], {});
  const labels = builder.input({ role: 'target', name: 'labels' }, { dataType: 'int64', shape: [batch] });
  const loss = builder.add('SoftmaxCrossEntropy', 'loss', [dropped, labels], {});
  const modelOptions = { batch, classes: 48, inputShape: [2, 4, 4] };
  return { name: 'shared', options: modelOptions, graph: builder.finish([loss]), logits: dropped };
}

const names48 = Array.from({ length: 48 }, (_, index) => `class ${index}`);
const exportShared = (model: Model, weights: Map<string, Float32Array>) =>
  exportInference(model, weights, { classes: names48, normalization: normalizationOf(model) });

function sharedWeights(model: Model) {
  const weights = trainedWeights(model);
  weights.set('σ²', Float32Array.of(0.5, 1, 2));
  return weights;
}

test('a convolution that something else reads too keeps its weights, and values may bear the names of the borders', async (t) => {
  const model = sharedConvolution(4);
  const weights = sharedWeights(model);
  const bytes = exportShared(model, weights);
  t.true(decodeOnnx(bytes).nodes.some(({ op }) => op === 'BatchNormalization'));
  const x = samplesOf(model, 1);
  const logits = await run(bytes, { input: new ort.Tensor('float32', x, [1, 2, 4, 4]) });
  const single = sharedConvolution(1);
  const expected = evaluate(single.graph, single.logits, new Map([...weights, ['logits', x]]));
  t.true(distance(logits, expected) < 1e-4);
});

test('a model that is made for one batch size only is refused', (t) => {
  const refused = (head: Parameters<typeof sharedConvolution>[1]) => {
    const model = sharedConvolution(4, head);
    return t.throws(() => exportShared(model, sharedWeights(model)), { instanceOf: FixedBatchError })!.message;
  };
  const mixed = refused((builder, sum) => {
    const columns = builder.add('Reshape', 'columns', [sum], { shape: [48, 4] });
    return builder.add('Transpose', 'mixed', [columns], { permutation: [1, 0] });
  });
  t.regex(mixed, /'logits' is \[4, 48\] at batch 4 and \[4, 24\] at batch 2/);
  const added = refused((builder, sum) => {
    const data = new Float32Array(4 * 48);
    const table = builder.constant('table', { type: float32(4, 3, 4, 4), data });
    return builder.add('Flatten', 'flat', [builder.add('Add', 'added', [sum, table], {})], { axis: 1 });
  });
  t.regex(added, /at batch 2, Add 'added': shapes \[2, 3, 4, 4\] and \[4, 3, 4, 4\] do not broadcast/);
});

test('weights that are missing, of another size or not finite are named', (t) => {
  const model = modelOf('mlp');
  const refused = (change: (weights: Map<string, Float32Array>) => void) => {
    const weights = trainedWeights(model);
    change(weights);
    return t.throws(() => exported(model, weights), { instanceOf: ExportWeightsError })!;
  };
  t.regex(refused((weights) => weights.delete('fc2.bias')).message, /'fc2.bias' of shape \[256\] is missing/);
  t.regex(refused((weights) => weights.set('fc.bias', new Float32Array(9))).message, /'fc.bias' has 9 values/);
  const error = refused((weights) => weights.get('fc1.weight')!.fill(Number.NaN, 7, 8));
  t.regex(error.message, /'fc1.weight' holds NaN at position 7/);
  t.is(error.exitCode, 2);
});

test('class names and a normalisation that do not fit the model are refused', (t) => {
  const model = modelOf('mlp');
  const weights = trainedWeights(model);
  const normalization = normalizationOf(model);
  const refused = (metadata: Parameters<typeof exportInference>[2]) =>
    t.throws(() => exportInference(model, weights, metadata), { instanceOf: ExportMetadataError })!.message;
  t.regex(refused({ classes: ['a', 'b'], normalization }), /10 outputs, but there are 2 class names/);
  t.regex(refused({ classes, normalization: { mean: [0], std: [1] } }), /3 channels, but the mean .* \[0\]/);
  t.regex(refused({ classes, normalization: { ...normalization, std: [1, 0, 1] } }), /the std .* \[1,0,1\]/);
});

test('a file without the metadata, or with other metadata, is refused when it is read', (t) => {
  const { metadata } = decodeOnnx(exported(modelOf('mlp')));
  const refused = (changed: Record<string, string>) =>
    t.throws(() => readMetadata({ metadata: changed }), { instanceOf: InferenceMetadataError })!.message;
  t.regex(refused({}), /no 'flotilla.version'/);
  t.regex(refused({ ...metadata, 'flotilla.version': '7' }), /version '7'/);
  t.regex(refused({ ...metadata, 'flotilla.classes': '["a", 1]' }), /flotilla.classes/);
  t.regex(refused({ ...metadata, 'flotilla.normalization': '{"mean":[1]' }), /flotilla.normalization/);
});
