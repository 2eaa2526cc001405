import { readFile } from 'node:fs/promises';
import test from 'ava';
import {
  blockCosts,
  buildModel,
  byteSize,
  cutKinds,
  type ModelName,
  modelNames,
  nodeCost,
  type StageCost,
  splitIntoBlocks,
  stageCost,
  stageOf,
  zoo,
} from '../../models/index.ts';

const batch = 4;
const graphOf = (name: ModelName) => buildModel(name, { batch, classes: 10, inputShape: zoo[name].sample }).graph;
const sum = (costs: readonly StageCost[], pick: (cost: StageCost) => number) =>
  costs.reduce((total, cost) => total + pick(cost), 0);

/** Multiplications with their additions of a forward pass, for one sample. */
function multiplyAdds(name: ModelName): number {
  const graph = graphOf(name);
  const products = graph.nodes.filter((node) => node.op === 'Conv' || node.op === 'Gemm');
  const flops = products.map((node) => {
    const bias = node.inputs.length > 2 ? byteSize(graph.types.get(node.outputs[0]!)!) / 4 : 0;
    return nodeCost(node, graph.types).flops - bias;
  });
  return flops.reduce((total, each) => total + each, 0) / 2 / batch;
}

for (const name of ['resnet18', 'mobilenetv2', 'harcnn'] as const) {
  test(`${name} takes as many multiplications as PyTorch's layers were counted to take`, async (t) => {
    const file = new URL(`fixtures/torch-${name}.json`, import.meta.url);
    t.is(multiplyAdds(name), JSON.parse(await readFile(file, 'utf8')).multiplyAddsPerSample);
  });
}

test('vgg11 takes 153 million multiplications a sample', (t) => {
  // Per layer: outputs · inputs · 9 · positions, from 3→64 on 32×32 to 512→512 on 2×2, and 512→10.
  const layers = [
    [3, 64, 32],
    [64, 128, 16],
    [128, 256, 8],
    [256, 256, 8],
    [256, 512, 4],
    [512, 512, 4],
    [512, 512, 2],
    [512, 512, 2],
  ] as const;
  const expected = layers.reduce((total, [from, to, side]) => total + from * to * 9 * side * side, 512 * 10);
  t.is(multiplyAdds('vgg11'), expected);
  t.is(Math.round(expected / 1e6), 153);
});

for (const [name, cuts] of modelNames.flatMap((model) => cutKinds.map((kind) => [model, kind] as const))) {
  test(`the blocks of ${name} between ${cuts} cuts cost together what the model costs, however it is split`, (t) => {
    const graph = graphOf(name);
    const blocks = splitIntoBlocks(graph, cuts);
    const each = blockCosts(graph, blocks);
    const middle = Math.floor(blocks.length / 2);
    const halves = [
      stageCost('front', stageOf(graph, blocks, 0, middle)),
      stageCost('back', stageOf(graph, blocks, middle + 1, blocks.length - 1)),
    ];
    const whole = [stageCost('whole', stageOf(graph, blocks, 0, blocks.length - 1))];
    for (const split of [each, halves]) {
      for (const quantity of ['forwardFlops', 'backwardFlops', 'parameterBytes', 'trainableBytes'] as const) {
        t.is(
          sum(split, (cost) => cost[quantity]),
          sum(whole, (cost) => cost[quantity]),
          quantity,
        );
      }
      // A value on a border is kept on one side or on both.
      t.true(sum(split, (cost) => cost.stashBytes) >= whole[0]!.stashBytes);
    }
  });

  test(`every block of ${name} between ${cuts} cuts has work, memory and an output`, (t) => {
    const graph = graphOf(name);
    const blocks = splitIntoBlocks(graph, cuts);
    blockCosts(graph, blocks).forEach((cost, index) => {
      const { name: title, ...quantities } = cost;
      for (const [quantity, value] of Object.entries(quantities)) {
        t.true(Number.isInteger(value) && value > 0, `${title}: ${quantity} is ${value}`);
      }
      const crossing = blocks[index]!.leaving.map((value) => byteSize(graph.types.get(value)!));
      t.is(
        cost.outputBytes,
        crossing.reduce((total, bytes) => total + bytes, 0),
      );
    });
  });
}

test('a convolution of known size has known costs', (t) => {
  const graph = graphOf('resnet18');
  const stem = graph.nodes[0]!;
  t.deepEqual(nodeCost(stem, graph.types), {
    flops: 2 * batch * 64 * 32 * 32 * 3 * 9,
    bytesRead: 4 * (batch * 3 * 32 * 32 + 64 * 3 * 9),
    bytesWritten: 4 * batch * 64 * 32 * 32,
  });
});
