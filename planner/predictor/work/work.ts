import {
  type Block,
  byteSize,
  type Capabilities,
  elementCount,
  type Graph,
  type Node,
  nodeCost,
  type Stage,
  stageOf,
  typeOf,
} from '../../../models/index.ts';
import { sum } from '../../statistics.ts';
import { addNode, borderBytes } from './amounts.ts';
import { type Amounts, noAmounts, positionOf } from './kinds.ts';

export const passes = ['forward', 'backward', 'update'] as const;
export type Pass = (typeof passes)[number];

/** One pass of one block (or of a run of blocks as one): what a board can be asked to predict the time of. */
export interface Work {
  /** The same for the same computation, whichever board computes it: 'resnet18/3 forward 16'. */
  readonly id: string;
  readonly pass: Pass;
  readonly microBatch: number;
  readonly amounts: Amounts;
  /** The part of them that is gone where blocks before and behind are in the same program. */
  readonly border: Amounts;
  /** Of the node that computes most: log2 of its channels in, channels out and places, its kernel's area, its stride. */
  readonly traits: readonly number[];
}

export interface WorkOptions {
  readonly capabilities: Capabilities;
  /** Tensors that the optimizer keeps for each parameter. */
  readonly optimizerSlots: number;
}

/** Values that one run of the update graph takes (`agent/engine/parameter-memory.ts`). */
const updateChunk = 262_144;

/** The works of each block alone: forward, backward and, where it has parameters, update. */
export function blockWorks(
  model: string,
  graph: Graph,
  blocks: readonly Block[],
  options: WorkOptions,
): readonly (readonly Work[])[] {
  return blocks.map(({ index }) => stageWorks(`${model}/${index}`, stageOf(graph, blocks, index, index), options));
}

export function stageWorks(name: string, stage: Stage, options: WorkOptions): readonly Work[] {
  const microBatch = typeOf(stage.types, stage.input).shape[0]!;
  const all: Readonly<Record<Pass, Amounts>> = {
    forward: forwardAmounts(stage, options),
    backward: backwardAmounts(stage, options),
    update: updateAmounts(stage, options),
  };
  const traits = traitsOf(stage);
  const wanted = stage.gradients.size === 0 ? (['forward', 'backward'] as const) : passes;
  return wanted.map((pass) => ({
    id: `${name} ${pass} ${microBatch}`,
    pass,
    microBatch,
    amounts: all[pass],
    border: borderAmounts(stage, pass, options),
    traits,
  }));
}

/** The call, what is brought into another layout, and the value that is put out. */
function borderAmounts({ types, output, isLoss, input, inputGradient }: Stage, pass: Pass, options: WorkOptions) {
  const border = noAmounts();
  if (pass === 'update') return border;
  const [given, asked] = pass === 'forward' ? [input, output] : [isLoss ? undefined : output, inputGradient];
  const ends = [given, asked].flatMap((value) => (value === undefined ? [] : [typeOf(types, value)]));
  border[positionOf('calls')] = 1;
  border[positionOf('tensors')] = 2;
  border[positionOf('border bytes')] = sum(ends.map((type) => borderBytes(type, options.capabilities)));
  border[positionOf('output bytes')] = asked === undefined ? 0 : byteSize(typeOf(types, asked));
  return border;
}

function traitsOf({ graph: { nodes }, types }: Stage): readonly number[] {
  const flops = nodes.map((node) => nodeCost(node, types).flops);
  const heaviest = nodes[flops.indexOf(Math.max(...flops))];
  if (heaviest === undefined) return [0, 0, 0, 0, 0];
  const [, channels = 1] = typeOf(types, heaviest.inputs[0]!).shape;
  const [, outputs = 1, ...places] = typeOf(types, heaviest.outputs[0]!).shape;
  const window = heaviest.op === 'Conv' ? heaviest.attributes : { kernel: [1], strides: [1] };
  return [
    Math.log2(channels),
    Math.log2(outputs),
    Math.log2(elementCount(places)),
    elementCount(window.kernel),
    elementCount(window.strides),
  ];
}

function forwardAmounts(stage: Stage, options: WorkOptions): Amounts {
  const { graph, types } = stage;
  const amounts = ofNodes(graph.nodes, stage, options);
  const stashed = stage.stash.filter((value) => value !== stage.input);
  amounts[positionOf('border bytes')]! += crossingBytes(stage.entering, stage, options);
  amounts[positionOf('border bytes')]! += crossingBytes(stage.leaving, stage, options);
  amounts[positionOf('output bytes')]! +=
    byteSize(typeOf(types, stage.output)) + sum(stashed.map((value) => byteSize(typeOf(types, value))));
  amounts[positionOf('tensors')]! += graph.parameters.length + stashed.length + 2;
  return amounts;
}

function backwardAmounts(stage: Stage, options: WorkOptions): Amounts {
  const { types } = stage;
  const amounts = ofNodes(stage.backward.nodes, stage, options);
  const given = stage.isLoss ? 0 : crossingBytes(stage.leaving, stage, options);
  const asked = stage.inputGradient === undefined ? 0 : crossingBytes(stage.entering, stage, options);
  amounts[positionOf('border bytes')]! += given + asked;
  amounts[positionOf('output bytes')]! +=
    stage.inputGradient === undefined ? 0 : byteSize(typeOf(types, stage.inputGradient));
  amounts[positionOf('accumulation bytes')]! += gradientBytes(stage);
  amounts[positionOf('tensors')]! += stage.stash.length + 3 * stage.gradients.size + 2;
  return amounts;
}

/** Each parameter, its gradient and its optimizer state: read, and all but the gradient written. */
function updateAmounts(stage: Stage, { optimizerSlots }: WorkOptions): Amounts {
  const values = gradientBytes(stage) / 4;
  const runs = Math.ceil(values / updateChunk);
  const amounts = noAmounts();
  // whole chunks, where there is more than one
  amounts[positionOf('update bytes')] = 4 * (runs > 1 ? runs * updateChunk : values) * (3 + 2 * optimizerSlots);
  amounts[positionOf('update runs')] = runs;
  return amounts;
}

/**
 * Of the values that cross a cut, or of their gradients, which have the same types: what changes its layout, and what is
 * copied where two are packed as one. Within a stage neither happens.
 */
function crossingBytes(values: readonly string[], { types }: Stage, { capabilities }: WorkOptions): number {
  const crossing = values.map((value) => typeOf(types, value));
  const copied = crossing.length > 1 ? sum(crossing.map(byteSize)) : 0;
  return copied + sum(crossing.map((type) => borderBytes(type, capabilities)));
}

/** The nodes' own amounts, and one call; packing counts as crossing the border. */
function ofNodes(all: readonly Node[], stage: Stage, { capabilities }: WorkOptions): Amounts {
  const amounts = noAmounts();
  const nodes = all.filter((node) => !stage.packing.has(node));
  const fusable = new Set(
    nodes.filter(({ op }) => op === 'Conv' || op === 'BatchNormalization').map(({ outputs }) => outputs[0]!),
  );
  for (const node of nodes) addNode(amounts, node, { types: stage.types, capabilities, fusable });
  amounts[positionOf('calls')]! += 1;
  return amounts;
}

function gradientBytes(stage: Stage): number {
  return sum([...stage.gradients.keys()].map((parameter) => byteSize(typeOf(stage.types, parameter))));
}
