import { ShapeError } from '../errors.ts';
import { elementCount, type Graph, type Node, type NodeOf, typeOf } from '../graph/types.ts';
import { Emitter, float, plainCapabilities } from '../lowering/emitter.ts';
import type { Formulation } from '../lowering/formulation.ts';
import { formulations } from '../lowering/formulations/index.ts';
import { encodeOnnx } from '../onnx/encode.ts';
import type { OnnxInitializer, OnnxModel } from '../onnx/types.ts';
import type { ModelOp } from '../ops/vocabulary.ts';
import type { Model } from '../zoo/model.ts';
import { ExportWeightsError, FixedBatchError } from './errors.ts';
import { foldBatchNormalization, type WeightedGraph, type Weights } from './fold.ts';
import { type InferenceMetadata, writeMetadata } from './metadata.ts';
import { inferencePart, pruned, withBatch, withBorderNames } from './simplify.ts';

/** The names that every exported file has, whatever the model calls its values. */
export const inferenceNames = { input: 'input', output: 'logits', batch: 'N' } as const;

/**
 * The trained model as an ONNX file for any runtime: operators of the standard domain (opset 17), weights inside.
 *
 * Input `input`: float32 [N, …sample], **normalised** as the metadata says (`readMetadata`). Output `logits`: float32
 * [N, classes], before softmax. N is free. Batch normalisation uses the running averages and is folded into the
 * convolution before it where it can be; dropout, the loss and the labels are gone.
 *
 * @param weights every parameter of the model by name, running averages included; others are ignored
 * @throws ExportWeightsError, ExportMetadataError, FixedBatchError
 */
export function exportInference(
  model: Model,
  weights: Weights,
  metadata: Pick<InferenceMetadata, 'classes' | 'normalization'>,
): Uint8Array {
  const properties = writeMetadata(model, metadata);
  const part = inferencePart(model.graph, model.logits);
  checkWeights(model.name, part, weights);
  const folded = foldBatchNormalization({ graph: part, weights });
  const graph = pruned(folded.graph, part.outputs[0]!);
  const named = withBorderNames(graph, inferenceNames.input, inferenceNames.output);
  const { nodes, initializers, parameters } = lowerForAnyBatch(named);
  const stored = storedWeights(graph, named, folded);
  return encodeOnnx({
    name: model.name,
    opsets: { '': 17 },
    ...borders(model),
    nodes,
    initializers: [...initializers, ...parameters.map((name) => stored.get(name)!)],
    metadata: properties,
  });
}

function borders({ options }: Model): Pick<OnnxModel, 'inputs' | 'outputs'> {
  const { input, output, batch } = inferenceNames;
  return {
    inputs: [{ name: input, dataType: 'float32', shape: [batch, ...options.inputShape] }],
    outputs: [{ name: output, dataType: 'float32', shape: [batch, options.classes] }],
  };
}

function checkWeights(model: string, graph: Graph, weights: Weights): void {
  for (const { name, type } of graph.parameters) {
    const values = weights.get(name);
    const wanted = `[${type.shape.join(', ')}]`;
    if (values === undefined) throw new ExportWeightsError(model, name, `of shape ${wanted} is missing`);
    if (values.length !== elementCount(type.shape)) {
      throw new ExportWeightsError(model, name, `has ${values.length} values, which are not of shape ${wanted}`);
    }
    const strange = values.findIndex((value) => !Number.isFinite(value));
    if (strange >= 0) throw new ExportWeightsError(model, name, `holds ${values[strange]} at position ${strange}`);
  }
}

/** `graph` and `named` are one graph before and after its values were renamed, so their parameters correspond. */
function storedWeights(graph: Graph, named: Graph, { weights }: WeightedGraph): ReadonlyMap<string, OnnxInitializer> {
  return new Map(
    named.parameters.map(({ name, type: { dataType, shape } }, index) => {
      const data = weights.get(graph.parameters[index]!.name)!;
      return [name, { name, dataType, shape, data }];
    }),
  );
}

interface Lowered {
  readonly nodes: OnnxModel['nodes'];
  readonly initializers: readonly OnnxInitializer[];
  /** The parameters that the nodes read, by name. */
  readonly parameters: readonly string[];
}

/**
 * A graph is written for one batch size, and a formulation may write that size into an attribute or a constant. So the
 * graph is lowered for two sizes: only what does not depend on the size gives the same nodes twice.
 */
function lowerForAnyBatch(graph: Graph): Lowered {
  const [first, second] = [2, 3].map((batch) => lowerAt(graph, batch));
  if (!sameBytes(encodeLowered(first!), encodeLowered(second!))) {
    throw new FixedBatchError(graph.name, 'an operation holds the batch size as a constant');
  }
  return first!;
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

function lowerAt(graph: Graph, batch: number): Lowered {
  try {
    const resized = withBatch(graph, batch);
    checkLeadingAxis(graph, resized);
    return lowerPlainly(resized);
  } catch (error) {
    if (error instanceof ShapeError) throw new FixedBatchError(graph.name, `at batch ${batch}, ${error.message}`);
    throw error;
  }
}

/** Another batch may change the leading axis of a value and nothing else: elsewhere it would be mixed with features. */
function checkLeadingAxis(graph: Graph, resized: Graph): void {
  const batchOf = ({ types }: Graph) => typeOf(types, inferenceNames.input).shape[0]!;
  for (const [name, { shape }] of resized.types) {
    const written = typeOf(graph.types, name).shape;
    const isScaled = shape[0]! * batchOf(graph) === written[0]! * batchOf(resized) || shape[0] === written[0];
    if (!isScaled || shape.some((size, axis) => axis > 0 && size !== written[axis])) {
      const [before, after] = [written, shape].map((sizes) => `[${sizes.join(', ')}]`);
      throw new FixedBatchError(
        graph.name,
        `'${name}' is ${before} at batch ${batchOf(graph)} and ${after} at batch ${batchOf(resized)}`,
      );
    }
  }
}

function encodeLowered({ nodes, initializers }: Lowered): Uint8Array {
  return encodeOnnx({ name: '', opsets: {}, inputs: [], outputs: [], nodes, initializers, metadata: {} });
}

function lowerPlainly(graph: Graph): Lowered {
  const emitter = new Emitter(graph.types, plainCapabilities);
  for (const [name, { type, data }] of graph.constants) {
    emitter.alias(name, 'plain', emitter.constant({ name, ...type, data }));
  }
  for (const node of graph.nodes) lowerNode(node, emitter);
  const foreign = emitter.nodes.find(({ domain }) => domain !== '');
  if (foreign !== undefined) throw new Error(`the plain formulation of '${foreign.name}' is not in ONNX's own domain`);
  const { input } = inferenceNames;
  const parameters = emitter.inputs.map(({ name }) => name).filter((name) => name !== input);
  return { nodes: emitter.nodes, initializers: emitter.initializers, parameters };
}

function lowerNode(node: Node<ModelOp>, emitter: Emitter): void {
  if (node.op === 'BatchNormalization') {
    lowerNormalization(node, emitter);
    return;
  }
  // The last formulation of an operation is the plain one, which any runtime understands; those before it are for speed
  // in training. The table is total, so a node meets formulations of its own op; TypeScript cannot see the correlation.
  const candidates = formulations[node.op] as readonly Formulation<ModelOp>[];
  candidates.at(-1)!.emit(node, emitter);
}

/** y = γ·(x − μ)/√(σ²+ε) + β with the running averages, where no convolution could take it in. */
function lowerNormalization({ inputs, outputs, attributes }: NodeOf<'BatchNormalization'>, emitter: Emitter): void {
  emitter.node(
    'BatchNormalization',
    inputs.map((input) => emitter.read(input)),
    { attributes: { epsilon: float(attributes.epsilon) }, outputs: [emitter.write(outputs[0]!)] },
  );
}
