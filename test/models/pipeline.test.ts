import test from 'ava';
import {
  buildModel,
  type Cuts,
  cutKinds,
  type Graph,
  lowerStage,
  type ModelName,
  modelNames,
  type Stage,
  splitIntoBlocks,
  stageOf,
  zoo,
} from '../../models/index.ts';
import { capabilitiesHere, type Feeds, type Results, runOnce, type Values } from './support/engine.ts';
import { hashed, hashedParameter } from './support/hashed.ts';
import { copyOf, type Tensors, unscaled, WholeModel, wholeStage } from './support/trainer.ts';

const batch = 2;
const capabilities = (await capabilitiesHere()).at(-1)!;

/** Parameters, data, labels and dropout masks, by name. */
function feedsOf(graph: Graph): Feeds {
  const feeds: Tensors = new Map(graph.parameters.map((parameter) => [parameter.name, hashedParameter(parameter)]));
  for (const { role, name } of graph.inputs) {
    const count = graph.types.get(name)!.shape.reduce((product, size) => product * size, 1);
    if (role === 'data') feeds.set(name, hashed(name, count));
    if (role === 'target')
      feeds.set(
        name,
        BigInt64Array.from({ length: count }, (_, index) => BigInt(index)),
      );
    if (role === 'dropout')
      feeds.set(
        name,
        hashed(name, count).map((value) => (value > 0.8 ? 0 : 1 / 0.9)),
      );
  }
  return feeds;
}

/** Every block a stage of its own. */
function finestOf(graph: Graph, cuts: Cuts): readonly Stage[] {
  const blocks = splitIntoBlocks(graph, cuts);
  return blocks.map(({ index }) => stageOf(graph, blocks, index, index));
}

/** Cuts the blocks into `count` runs of about the same number. */
function stagesOf(graph: Graph, count: number): readonly Stage[] {
  const blocks = splitIntoBlocks(graph);
  const border = (index: number) => Math.round((index * blocks.length) / count);
  return Array.from({ length: count }, (_, index) => stageOf(graph, blocks, border(index), border(index + 1) - 1));
}

/** Forward through all stages, then backward through all, each stage with its own programs as on boards of their own. */
async function runPipeline(stages: readonly Stage[], feeds: Feeds): Promise<Tensors> {
  const results: Tensors = new Map();
  const passes: { stage: Stage; programs: ReturnType<typeof lowerStage>; forward: Results; fed: Feeds }[] = [];
  for (const stage of stages) {
    const programs = lowerStage(stage, unscaled(capabilities));
    const fed = new Map<string, Values>([...copyOf(feeds), ...results]);
    const forward = await runOnce(programs.forward, fed);
    passes.push({ stage, programs, forward, fed });
    results.set(stage.output, forward.get(stage.output)!);
    for (const value of stage.graph.updates.values()) results.set(value, forward.get(value)!);
  }
  for (const { stage, programs, forward, fed } of passes.toReversed()) {
    const next = passes[passes.findIndex((pass) => pass.stage === stage) + 1]?.stage;
    const gradient = next === undefined ? [] : ([[stage.outputGradient, results.get(next.inputGradient!)!]] as const);
    const backward = await runOnce(programs.backward, new Map<string, Values>([...fed, ...forward, ...gradient]));
    for (const [parameter, value] of stage.gradients) results.set(`${parameter}/gradient`, backward.get(value)!);
    if (stage.inputGradient !== undefined) results.set(stage.inputGradient, backward.get(stage.inputGradient)!);
  }
  return results;
}

/** The largest difference between two tensors, as a share of the norm. */
function deviation(found: Values, expected: Values): number {
  const difference = expected.length === found.length ? 0 : Number.POSITIVE_INFINITY;
  let [squares, worst] = [0, difference];
  for (let index = 0; index < expected.length; index++) {
    squares += Number(expected[index]) ** 2;
    worst = Math.max(worst, Math.abs(Number(found[index]) - Number(expected[index])));
  }
  return worst / (Math.sqrt(squares) + 1e-3);
}

for (const name of modelNames as readonly ModelName[]) {
  test(`${name} in one to four stages has the loss, gradients and running averages of the whole`, async (t) => {
    const { graph } = buildModel(name, { batch, classes: 10, inputShape: zoo[name].sample });
    const feeds = feedsOf(graph);
    const whole = await WholeModel.load(graph, capabilities);
    const { outputs, gradients } = await whole.step(feeds, new Map());
    await whole.dispose();
    for (const count of [1, 2, 3, 4]) {
      const split = await runPipeline(stagesOf(graph, count), feeds);
      const loss = graph.outputs[0]!;
      t.true(deviation(split.get(loss)!, outputs.get(loss)!) < 1e-5, `loss in ${count} stages`);
      for (const value of graph.updates.values()) {
        t.true(deviation(split.get(value)!, outputs.get(value)!) < 1e-5, `${value} in ${count} stages`);
      }
      for (const [parameter, gradient] of gradients) {
        const distance = deviation(split.get(`${parameter}/gradient`)!, gradient);
        t.true(distance < 1e-3, `gradient of ${parameter} in ${count} stages: ${distance}`);
      }
    }
  });
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Values) => Buffer.from(buffer, byteOffset, byteLength);

for (const name of modelNames as readonly ModelName[]) {
  test(`${name} with every block a stage of its own computes what one stage does, to the last bit`, async (t) => {
    const { graph } = buildModel(name, { batch, classes: 10, inputShape: zoo[name].sample });
    const feeds = feedsOf(graph);
    const whole = await runPipeline([wholeStage(graph)], feeds);
    for (const cuts of cutKinds) {
      const split = await runPipeline(finestOf(graph, cuts), feeds);
      for (const [value, expected] of whole) {
        t.true(bytesOf(split.get(value)!).equals(bytesOf(expected)), `${value}, ${cuts} cuts`);
      }
    }
  });
}
