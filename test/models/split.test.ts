import test from 'ava';
import {
  buildModel,
  type Cuts,
  cutKinds,
  float32,
  type Graph,
  GraphBuilder,
  legalCuts,
  type ModelName,
  modelNames,
  optimizerTensorName,
  splitIntoBlocks,
  stageOf,
  stateOfBlock,
  zoo,
} from '../../models/index.ts';

const graphOf = (name: ModelName): Graph =>
  buildModel(name, { batch: 2, classes: 10, inputShape: zoo[name].sample }).graph;

/** Values that are computed before a position and read from it on, beside what is fed or trained. */
function crossing(graph: Graph, position: number): readonly string[] {
  const before = new Set(graph.nodes.slice(0, position).flatMap((node) => node.outputs));
  const data = graph.inputs.find((input) => input.role === 'data')!.name;
  const read = graph.nodes.slice(position).flatMap((node) => node.inputs);
  return [...new Set(read.filter((value) => before.has(value) || value === data))];
}

const most = { single: 1, double: 2 } as const;

for (const [name, cuts] of modelNames.flatMap((model) => cutKinds.map((kind) => [model, kind] as const))) {
  test(`at most ${most[cuts]} tensors cross each ${cuts} cut of ${name}, and every such place is one`, (t) => {
    const graph = graphOf(name);
    const found = new Map(legalCuts(graph, cuts).map(({ position, tensors }) => [position, tensors]));
    for (let position = 1; position < graph.nodes.length; position++) {
      const values = crossing(graph, position);
      t.deepEqual(
        found.get(position)?.toSorted(),
        values.length <= most[cuts] ? values.toSorted() : undefined,
        `position ${position}`,
      );
    }
  });

  test(`${name} splits at ${cuts} cuts into at least four blocks that chain from the data to the loss`, (t) => {
    const graph = graphOf(name);
    const blocks = splitIntoBlocks(graph, cuts);
    t.true(blocks.length >= 4, `${blocks.length} blocks`);
    t.deepEqual(
      blocks.flatMap((block) => block.nodes),
      graph.nodes,
    );
    t.deepEqual(blocks[0]!.entering, [graph.inputs[0]!.name]);
    t.deepEqual(blocks.at(-1)!.leaving, [graph.outputs[0]!]);
    blocks.slice(1).forEach((block, index) => {
      t.deepEqual(block.entering, blocks[index]!.leaving);
    });
    t.is(new Set(blocks.map((block) => block.name)).size, blocks.length);
  });

  test(`no parameter of ${name} is used by two blocks between ${cuts} cuts`, (t) => {
    const graph = graphOf(name);
    const parameters = new Set(graph.parameters.map((parameter) => parameter.name));
    const used = splitIntoBlocks(graph, cuts).flatMap((block) => [
      ...new Set(block.nodes.flatMap((node) => node.inputs).filter((input) => parameters.has(input))),
    ]);
    t.deepEqual([...used].sort(), [...parameters].sort());
  });
}

for (const [name, single, double] of [
  ['resnet18', 10, 21],
  ['mobilenetv2', 33, 53],
  ['vgg11', 9, 9],
] as const) {
  test(`${name} has ${single} blocks between single cuts, and ${double} between double ones, which are parts of them`, (t) => {
    const graph = graphOf(name);
    const namesOf = (cuts: Cuts) => splitIntoBlocks(graph, cuts).map((block) => block.name);
    t.is(namesOf('single').length, single);
    t.is(namesOf('double').length, double);
    t.deepEqual(
      namesOf('double').filter((block) => namesOf('single').includes(block)),
      namesOf('single'),
    );
  });
}

test('what cannot be packed does not cross beside another', (t) => {
  const builder = new GraphBuilder('indices');
  const x = builder.input({ role: 'data', name: 'x' }, float32(2, 4));
  const scores = builder.add('Relu', 'scores', [x], {});
  const mean = builder.add('ReduceMean', 'mean', [scores], { axes: [0], keepDims: true });
  const graph = builder.finish([builder.add('Sub', 'difference', [scores, mean], {})]);
  // behind 'mean' cross [2, 4] and [1, 4], which has no samples
  t.deepEqual(
    legalCuts(graph, 'double').map(({ tensors }) => tensors),
    [['scores']],
  );
});

test('cuts of another name are refused', (t) => {
  t.throws(() => splitIntoBlocks(graphOf('mlp'), 'triple' as Cuts), {
    code: 'MODEL_CUTS',
    message: /'triple'.*double/,
  });
});

test('two crossing tensors come in as one, and so do their gradients; one that is passed on is not computed again', (t) => {
  const graph = graphOf('resnet18');
  const blocks = splitIntoBlocks(graph, 'double');
  const [before, after] = [stageOf(graph, blocks, 0, 1), stageOf(graph, blocks, 2, blocks.length - 1)];
  t.deepEqual(before.leaving, ['stem.relu', 'block1.relu1']);
  t.deepEqual(after.entering, before.leaving);
  t.is(after.input, before.output);
  const packed = float32(2, 2 * 64 * 32 * 32);
  for (const value of [before.output, before.outputGradient]) t.deepEqual(before.types.get(value), packed);
  for (const value of [after.input, after.inputGradient!]) t.deepEqual(after.types.get(value), packed);
  const convolutions = [before, after].flatMap((stage) => stage.graph.nodes.filter(({ op }) => op === 'Conv'));
  t.is(convolutions.length, graph.nodes.filter(({ op }) => op === 'Conv').length);
});

test('a stage between cuts that one tensor crosses packs nothing', (t) => {
  const graph = graphOf('resnet18');
  const blocks = splitIntoBlocks(graph, 'double');
  const start = blocks.findIndex(({ name }) => name === 'block2.conv1');
  const stage = stageOf(graph, blocks, start, start + 1);
  t.is(stage.packing.size, 0);
  const coarse = splitIntoBlocks(graph);
  t.deepEqual(stage.graph, stageOf(graph, coarse, 2, 2).graph);
});

test('the state of a block is its parameters in order, each with what the optimizer keeps of it', (t) => {
  const { parameters, ...graph } = graphOf('resnet18');
  const [first] = splitIntoBlocks({ parameters, ...graph });
  const state = stateOfBlock(parameters, first!, ['first', 'second']);
  const [weight, scale] = parameters.map(({ name }) => name);
  t.deepEqual(
    state.slice(0, 4).map(({ name }) => name),
    [weight, `optimizer.first.${weight}`, `optimizer.second.${weight}`, scale],
  );
  const running = parameters.filter(({ kind }) => kind === 'running').map(({ name }) => name);
  t.true(state.some(({ name }) => name === running[0]));
  t.false(state.some(({ name }) => name === optimizerTensorName('first', running[0]!)));
  t.deepEqual(state.map(({ slot }) => slot).slice(0, 3), [undefined, 'first', 'second']);
});
