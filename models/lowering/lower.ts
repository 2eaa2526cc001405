import type { Constant, Graph, Node, TensorType } from '../graph/types.ts';
import { encodeOnnx } from '../onnx/encode.ts';
import type { OnnxModel, OnnxValue } from '../onnx/types.ts';
import type { Op } from '../ops/vocabulary.ts';
import type { Stage } from '../split/stage.ts';
import { type Capabilities, Emitter, type Port } from './emitter.ts';
import type { Formulation } from './formulation.ts';
import { formulations } from './formulations/index.ts';
import { fitsBlocked, type Layout } from './layout.ts';

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
  /** Parameters in the layouts that the programs above ask for; run once after each update. */
  readonly pack: Program | undefined;
}

export interface LoweringOptions {
  readonly capabilities: Capabilities;
  /** The gradient of the step's loss with respect to the micro-batch's: 1 / number of micro-batches. */
  readonly lossScale: number;
  /** Whether gradients are added to accumulators (several micro-batches a step) or handed out as they are. */
  readonly accumulate: boolean;
}

/** Name of the accumulator input that a gradient is added to. */
export const accumulatorOf = (gradient: string) => `${gradient}/accumulator`;

export function lowerStage(stage: Stage, options: LoweringOptions): StagePrograms {
  const backward = lowerBackward(stage, options);
  const stash = backward.inputs.filter((port) => stage.stash.includes(port.value));
  const forward = lowerForward(stage, stash, options);
  const forwardBackward = stage.isLoss ? lowerJoint(stage, options) : undefined;
  const programs = [forward, backward, ...(forwardBackward ? [forwardBackward] : [])];
  return { forward, backward, forwardBackward, pack: lowerPack(stage, programs, options) };
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
  const outputs = [outputPort(emitter, stage.output), ...updatePorts(stage, emitter)];
  // What the backward pass reads of the stage's own input is not handed out again: the engine still has it.
  const kept = stash.map((port) => outputPort(emitter, port.value, port.layout));
  const fedThrough = new Set(emitter.inputs.map((port) => port.name));
  return finish(stage.graph.name, emitter, [...outputs, ...kept.filter((port) => !fedThrough.has(port.name))]);
}

function lowerBackward(stage: Stage, options: LoweringOptions): Program {
  const stashed = new Set(stage.stash);
  const fed = new Set(stage.graph.inputs.map((input) => input.name));
  const emitter = emitterFor(stage, options, (value) => {
    const blocked =
      stashed.has(value) && !fed.has(value) && fitsBlocked(stage.types.get(value)!.shape, options.capabilities);
    return blocked ? ['plain', 'blocked'] : ['plain'];
  });
  if (stage.isLoss) defineLossScale(stage, emitter, options);
  lowerNodes(stage.backward.nodes, emitter);
  return finish(stage.graph.name, emitter, gradientPorts(stage, emitter, options));
}

function lowerJoint(stage: Stage, options: LoweringOptions): Program {
  const emitter = emitterFor(stage, options, () => ['plain']);
  defineLossScale(stage, emitter, options);
  lowerNodes([...stage.graph.nodes, ...stage.backward.nodes], emitter);
  const outputs = [outputPort(emitter, stage.output), ...updatePorts(stage, emitter)];
  return finish(stage.graph.name, emitter, [...outputs, ...gradientPorts(stage, emitter, options)]);
}

/** Turns parameters into the layouts in which the other programs read them. */
function lowerPack(stage: Stage, programs: readonly Program[], options: LoweringOptions): Program | undefined {
  const parameters = new Set(stage.graph.parameters.map((parameter) => parameter.name));
  const wanted = new Map(
    programs
      .flatMap((program) => program.inputs)
      .filter((port) => parameters.has(port.value) && port.layout !== 'plain')
      .map((port) => [port.name, port]),
  );
  if (wanted.size === 0) return undefined;
  const emitter = new Emitter(stage.types, options.capabilities);
  const outputs = [...wanted.values()].map((port) => outputPort(emitter, port.value, port.layout));
  return finish(stage.graph.name, emitter, outputs);
}

const packedLayouts: readonly Layout[] = ['plain', 'blockedKernel', 'blockedTurnedKernel'];

function emitterFor(
  stage: Stage,
  { capabilities }: LoweringOptions,
  layoutsOf: (value: string) => readonly Layout[],
): Emitter {
  const parameters = new Set(stage.graph.parameters.map((parameter) => parameter.name));
  const emitter = new Emitter(withAccumulators(stage), capabilities, (value) =>
    parameters.has(value) ? packedLayouts : layoutsOf(value),
  );
  defineConstants(stage.graph, emitter);
  return emitter;
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

function gradientPorts(stage: Stage, emitter: Emitter, { accumulate }: LoweringOptions): readonly Port[] {
  const ports = [...stage.gradients.values()].map((gradient) => {
    if (!accumulate) return outputPort(emitter, gradient);
    const name = `${gradient}/accumulated`;
    emitter.node('Add', [emitter.read(accumulatorOf(gradient)), emitter.read(gradient)], { outputs: [name] });
    return { name, value: gradient, layout: 'plain' as const, ...emitter.typeOf(gradient) };
  });
  return stage.inputGradient === undefined ? ports : [...ports, outputPort(emitter, stage.inputGradient)];
}

function updatePorts(stage: Stage, emitter: Emitter): readonly Port[] {
  return [...stage.graph.updates.values()].map((value) => outputPort(emitter, value));
}

function outputPort(emitter: Emitter, value: string, layout: Layout = 'plain'): Port {
  return { name: emitter.read(value, layout), value, layout, ...emitter.typeOf(value) };
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
