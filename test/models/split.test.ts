import test from 'ava';
import {
  buildModel,
  type Graph,
  legalCuts,
  type ModelName,
  modelNames,
  optimizerTensorName,
  splitIntoBlocks,
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

for (const name of modelNames) {
  test(`exactly one tensor crosses each legal cut of ${name}, and every such place is one`, (t) => {
    const graph = graphOf(name);
    const cuts = new Map<number, string>(legalCuts(graph).map(({ position, tensor }) => [position, tensor]));
    for (let position = 1; position < graph.nodes.length; position++) {
      const values = crossing(graph, position);
      t.deepEqual([cuts.get(position)], [values.length === 1 ? values[0] : undefined], `position ${position}`);
    }
  });

  test(`${name} splits into at least four blocks that chain from the data to the loss`, (t) => {
    const graph = graphOf(name);
    const blocks = splitIntoBlocks(graph);
    t.true(blocks.length >= 4, `${blocks.length} blocks`);
    t.deepEqual(
      blocks.flatMap((block) => block.nodes),
      graph.nodes,
    );
    t.is(blocks[0]!.input, graph.inputs[0]!.name);
    t.is(blocks.at(-1)!.output, graph.outputs[0]!);
    blocks.slice(1).forEach((block, index) => {
      t.is(block.input, blocks[index]!.output);
    });
    t.is(new Set(blocks.map((block) => block.name)).size, blocks.length);
  });

  test(`no parameter of ${name} is used by two blocks`, (t) => {
    const graph = graphOf(name);
    const parameters = new Set(graph.parameters.map((parameter) => parameter.name));
    const used = splitIntoBlocks(graph).flatMap((block) => [
      ...new Set(block.nodes.flatMap((node) => node.inputs).filter((input) => parameters.has(input))),
    ]);
    t.deepEqual([...used].sort(), [...parameters].sort());
  });
}

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
