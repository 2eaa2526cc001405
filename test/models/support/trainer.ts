import {
  type Capabilities,
  elementCount,
  type Graph,
  type LoweringOptions,
  lowerStage,
  lowerUpdate,
  type Optimizer,
  type Stage,
  splitIntoBlocks,
  stageOf,
  updateNames,
} from '../../../models/index.ts';
import { type Feeds, type Loaded, load, type Results, type Values } from './engine.ts';

/** Parameters and other values by name. */
export type Tensors = Map<string, Values>;

export function wholeStage(graph: Graph): Stage {
  const blocks = splitIntoBlocks(graph);
  return stageOf(graph, blocks, 0, blocks.length - 1);
}

export const unscaled = (capabilities: Capabilities): LoweringOptions => ({
  capabilities,
  lossScale: 1,
  accumulate: false,
});

/** What one micro-batch gives, by the names of the graph's values. */
export interface StepResult {
  readonly outputs: Results;
  /** Trainable parameter → its gradient. */
  readonly gradients: Results;
}

/** A whole model on ONNX Runtime: forward and backward, with copies of what it is fed. */
export class WholeModel {
  readonly #stage: Stage;
  readonly #joint: Loaded;

  private constructor(stage: Stage, joint: Loaded) {
    this.#stage = stage;
    this.#joint = joint;
  }

  static async load(graph: Graph, capabilities: Capabilities): Promise<WholeModel> {
    const stage = wholeStage(graph);
    const programs = lowerStage(stage, unscaled(capabilities));
    return new WholeModel(stage, await load(programs.forwardBackward!));
  }

  async step(parameters: Feeds, feeds: Feeds): Promise<StepResult> {
    const all = new Map([...copyOf(parameters), ...feeds]);
    const outputs = await this.#joint.run(all);
    const gradients = new Map([...this.#stage.gradients].map(([name, gradient]) => [name, outputs.get(gradient)!]));
    return { outputs, gradients };
  }

  async dispose(): Promise<void> {
    await this.#joint.dispose();
  }
}

/** ONNX Runtime may write a batch normalisation's averages over the fed ones. */
export const copyOf = (tensors: Feeds): Tensors =>
  new Map([...tensors].map(([name, values]) => [name, values.slice()]));

/** The losses of `steps` steps on one batch; `parameters` holds the trained ones at the end. */
export async function train(
  graph: Graph,
  parameters: Tensors,
  feeds: Feeds,
  optimizer: Optimizer,
  options: { readonly learningRate: number; readonly steps: number; readonly capabilities: Capabilities },
): Promise<readonly number[]> {
  const model = await WholeModel.load(graph, options.capabilities);
  const update = await load(lowerUpdate('update', graph.parameters, optimizer));
  const state: Tensors = new Map();
  for (const { name, type, kind } of graph.parameters) {
    if (kind === 'running') continue;
    for (const slot of optimizer.slots)
      state.set(updateNames.state(name, slot), new Float32Array(elementCount(type.shape)));
  }
  const losses: number[] = [];
  for (let step = 0; step < options.steps; step++) {
    const { outputs, gradients } = await model.step(parameters, feeds);
    losses.push(Number(outputs.get(graph.outputs[0]!)![0]));
    const scalars = Object.entries(optimizer.scalars(step, options.learningRate));
    const fed = new Map<string, Values>([
      ...parameters,
      ...state,
      ...[...gradients].map(([name, values]) => [updateNames.gradient(name), values] as const),
      ...scalars.map(([name, value]) => [updateNames.scalar(name), Float32Array.of(value)] as const),
    ]);
    const updated = await update.run(fed);
    for (const name of gradients.keys()) parameters.set(name, updated.get(name)!.slice());
    for (const name of state.keys()) state.set(name, updated.get(name)!.slice());
    for (const [name, value] of graph.updates) parameters.set(name, outputs.get(value)!.slice());
  }
  await model.dispose();
  await update.dispose();
  return losses;
}
