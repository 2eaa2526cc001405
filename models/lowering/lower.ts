import type { Constant, Graph, Node, TensorType } from '../graph/types.ts';
import { encodeOnnx } from '../onnx/encode.ts';
import type { OnnxModel, OnnxValue } from '../onnx/types.ts';
import type { Op } from '../ops/vocabulary.ts';
import type { Stage } from '../split/stage.ts';
import { type Activation, type Capabilities, Emitter, type Followers, type Port } from './emitter.ts';
import type { Formulation } from './formulation.ts';
import { keepsZero } from './formulations/elementwise.ts';
import { formulations } from './formulations/index.ts';
import { fitsBlocked, type Layout, layouts, physicalShape } from './layout.ts';

/** ONNX bytes with a description of what goes in and what comes out. */
export interface Program {
  readonly bytes: Uint8Array;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

export interface StagePrograms {
  /** data, parameters → output, stash, updates of running averages */
  readonly forward: Program;
  /** stash, parameters, gradient of the output (unless it is the loss), accumulators → gradients */
  readonly backward: Program;
  /** Both in one run; only on the loss stage, whose backward needs nothing from outside. */
  readonly forwardBackward: Program | undefined;
}

export interface LoweringOptions {
  readonly capabilities: Capabilities;
  /** The gradient of the step's loss with respect to the micro-batch's: 1 / number of micro-batches. */
  readonly lossScale: number;
  /** Whether gradients are added to accumulators (several micro-batches a step) or handed out as they are. */
  readonly accumulate: boolean;
  /** The layouts in which parameters come in and their gradients go out (see `parameterLayouts`); absent: plain. */
  readonly parameters?: ReadonlyMap<string, Layout>;
}

/** Name of the accumulator input that a gradient is added to. */
export const accumulatorOf = (gradient: string) => `${gradient}/accumulator`;

export function lowerStage(stage: Stage, options: LoweringOptions): StagePrograms {
  const backward = lowerBackward(stage, options);
  const stash = backward.inputs.filter((port) => stage.stash.includes(port.value));
  const forward = lowerForward(stage, stash, options);
  const forwardBackward = stage.isLoss ? lowerJoint(stage, options) : undefined;
  return { forward, backward, forwardBackward };
}

export function lowerNodes(nodes: readonly Node[], emitter: Emitter): void {
  for (const node of nodes) {
    // The table is total, so a node meets formulations of its own op; TypeScript cannot see the correlation.
    const candidates = formulations[node.op] as readonly Formulation<Op>[];
    candidates.find((candidate) => candidate.applies(node, emitter))!.emit(node, emitter);
  }
}

function lowerForward(stage: Stage, stash: readonly Port[], options: LoweringOptions): Program {
  const emitter = emitterFor(stage, options, () => ['plain']);
  lowerNodes(stage.graph.nodes, emitter);
  const outputs = [outputPort(emitter, stage.output), ...updatePorts(stage, emitter, options)];
  // What the backward pass reads of the stage's own input is not handed out again: the engine still has it.
  const kept = stash.map((port) => outputPort(emitter, port.value, port.layout));
  const fedThrough = new Set(emitter.inputs.map((port) => port.name));
  return finish(stage.graph.name, emitter, [...outputs, ...kept.filter((port) => !fedThrough.has(port.name))]);
}

function lowerBackward(stage: Stage, options: LoweringOptions): Program {
  const stashed = new Set(stage.stash);
  const fed = new Set(stage.graph.inputs.map((input) => input.name));
  const emitter = emitterFor(stage, options, (value) => {
    const shape = stage.types.get(value)?.shape ?? [];
    const kept = stashed.has(value) && !fed.has(value);
    const blocked = shape.length === 1 || fitsBlocked(shape, options.capabilities);
    return kept && blocked && options.capabilities.channelBlock > 0 ? ['plain', 'blocked'] : ['plain'];
  });
  if (stage.isLoss) defineLossScale(stage, emitter, options);
  lowerNodes(stage.backward.nodes, emitter);
  return finish(stage.graph.name, emitter, gradientPorts(stage, emitter, options));
}

function lowerJoint(stage: Stage, options: LoweringOptions): Program {
  const emitter = emitterFor(stage, options, () => ['plain']);
  defineLossScale(stage, emitter, options);
  lowerNodes([...stage.graph.nodes, ...stage.backward.nodes], emitter);
  const outputs = [outputPort(emitter, stage.output), ...updatePorts(stage, emitter, options)];
  return finish(stage.graph.name, emitter, [...outputs, ...gradientPorts(stage, emitter, options)]);
}

/**
 * The layout in which each parameter of a stage is best held: the one in which the forward pass asks for it. Depends on
 * the parameter's own block of the model alone, not on what else the stage holds.
 */
export function parameterLayouts(stage: Stage, capabilities: Capabilities): ReadonlyMap<string, Layout> {
  const parameters = parameterNames(stage);
  const emitter = new Emitter(stage.types, capabilities, (value) => (parameters.has(value) ? layouts : ['plain']));
  defineConstants(stage.graph, emitter);
  lowerNodes(stage.graph.nodes, emitter);
  return new Map(
    emitter.inputs.filter(({ value }) => parameters.has(value)).map(({ value, layout }) => [value, layout]),
  );
}

const parameterNames = ({ graph }: Stage) => new Set(graph.parameters.map((parameter) => parameter.name));

function emitterFor(
  stage: Stage,
  { capabilities, parameters = new Map() }: LoweringOptions,
  layoutsOf: (value: string) => readonly Layout[],
): Emitter {
  const accumulators = new Map([...stage.gradients].map(([name, gradient]) => [accumulatorOf(gradient), name]));
  const emitter = new Emitter(
    withAccumulators(stage),
    capabilities,
    (value) => {
      const held = parameters.get(accumulators.get(value) ?? value);
      return held === undefined ? layoutsOf(value) : [held];
    },
    followersOf(stage),
  );
  defineConstants(stage.graph, emitter);
  return emitter;
}

/** Activations that are the only readers of a convolution's or a normalisation's output, by that output. */
function followersOf(stage: Stage): Followers {
  const { graph, backward } = stage;
  const readers = Map.groupBy(
    [...graph.nodes, ...backward.nodes].flatMap((node) => node.inputs.map((value) => ({ node: node as Node, value }))),
    ({ value }) => value,
  );
  const found = new Map<string, Activation>();
  for (const { op, outputs } of graph.nodes) {
    if (op !== 'Conv' && op !== 'BatchNormalization') continue;
    const [only, another] = readers.get(outputs[0]!) ?? [];
    if (only === undefined || another !== undefined || outputs[0] === stage.output) continue;
    const { node } = only;
    if (node.op === 'Relu' || (node.op === 'Clip' && keepsZero(node.attributes))) found.set(outputs[0]!, node);
  }
  return found;
}

function withAccumulators(stage: Stage): ReadonlyMap<string, TensorType> {
  const types = new Map(stage.types);
  for (const [parameter, gradient] of stage.gradients) types.set(accumulatorOf(gradient), types.get(parameter)!);
  return types;
}

function defineConstants(graph: Graph, emitter: Emitter): void {
  for (const [name, { type, data }] of graph.constants as ReadonlyMap<string, Constant>) {
    emitter.alias(name, 'plain', emitter.constant({ name, dataType: type.dataType, shape: type.shape, data }));
  }
}

function defineLossScale(stage: Stage, emitter: Emitter, { lossScale }: LoweringOptions): void {
  emitter.alias(stage.outputGradient, 'plain', emitter.scalar(lossScale));
}

function gradientPorts(stage: Stage, emitter: Emitter, options: LoweringOptions): readonly Port[] {
  const ports = [...stage.gradients].map(([parameter, gradient]) => {
    const layout = options.parameters?.get(parameter) ?? 'plain';
    const port = outputPort(emitter, gradient, layout);
    if (!options.accumulate) return port;
    const name = `${gradient}/accumulated`;
    emitter.node('Add', [emitter.read(accumulatorOf(gradient), layout), port.name], { outputs: [name] });
    return { ...port, name };
  });
  return stage.inputGradient === undefined ? ports : [...ports, outputPort(emitter, stage.inputGradient)];
}

function updatePorts(stage: Stage, emitter: Emitter, { parameters }: LoweringOptions): readonly Port[] {
  return [...stage.graph.updates].map(([parameter, value]) =>
    outputPort(emitter, value, parameters?.get(parameter) ?? 'plain'),
  );
}

function outputPort(emitter: Emitter, value: string, layout: Layout = 'plain'): Port {
  const { dataType, shape } = emitter.typeOf(value);
  const physical = physicalShape(shape, layout, emitter.capabilities);
  return { name: emitter.read(value, layout), value, layout, dataType, shape: physical };
}

/** Encodes what the emitter holds. Two ports may name one ONNX value (a gradient that is handed on); it is put out once. */
export function finish(name: string, emitter: Emitter, outputs: readonly Port[]): Program {
  const toValue = ({ name, dataType, shape }: Port): OnnxValue => ({ name, dataType, shape });
  const distinct = [...new Map(outputs.map((port) => [port.name, port])).values()];
  const model: OnnxModel = {
    name,
    opsets: { '': 17, 'com.microsoft': 1, ...(emitter.capabilities.channelBlock > 0 && { 'com.microsoft.nchwc': 1 }) },
    inputs: emitter.inputs.map(toValue),
    outputs: distinct.map(toValue),
    initializers: emitter.initializers,
    nodes: emitter.nodes,
    metadata: {},
  };
  return { bytes: encodeOnnx(model), inputs: emitter.inputs, outputs };
}
