import { type Graph, type Node, type NodeOf, type Parameter, typeOf } from '../graph/types.ts';
import type { ModelOp } from '../ops/vocabulary.ts';

export type Weights = ReadonlyMap<string, Float32Array>;

export interface WeightedGraph {
  readonly graph: Graph;
  readonly weights: Weights;
}

interface Fold {
  readonly convolution: NodeOf<'Conv'>;
  readonly normalization: NodeOf<'BatchNormalization'>;
}

/**
 * Takes batch normalisation into the convolution before it, where nothing else reads what the convolution gives:
 * with a = γ/√(σ²+ε) of each output channel, W' = a·W and b' = a·(b − μ) + β. Computed in double precision, rounded once.
 */
export function foldBatchNormalization({ graph, weights }: WeightedGraph): WeightedGraph {
  const folds = findFolds(graph);
  const replaced = new Map<string, Node<ModelOp> | undefined>();
  const parameters: Parameter[] = [...graph.parameters];
  const types = new Map(graph.types);
  const folded = new Map(weights);
  for (const fold of folds) {
    const { convolution, normalization } = fold;
    const names = { weight: `${convolution.name}/weight`, bias: `${convolution.name}/bias` };
    const values = foldedWeights(fold, weights, typeOf(types, convolution.inputs[1]!).shape);
    for (const part of ['weight', 'bias'] as const) {
      const { shape, data } = values[part];
      const type = { dataType: 'float32', shape } as const;
      parameters.push({ name: names[part], type, initializer: zero, kind: 'trainable' });
      types.set(names[part], type);
      folded.set(names[part], data);
    }
    // The convolution takes over the name of what it now computes, at its own place in the order.
    const inputs = [convolution.inputs[0]!, names.weight, names.bias];
    replaced.set(convolution.name, { ...convolution, inputs, outputs: [normalization.outputs[0]!] });
    replaced.set(normalization.name, undefined);
  }
  const nodes = graph.nodes.flatMap((node) => {
    const replacement = replaced.has(node.name) ? replaced.get(node.name) : node;
    return replacement === undefined ? [] : [replacement];
  });
  return { graph: { ...graph, nodes, parameters, types }, weights: folded };
}

/** The folded parameters are never initialised; the type asks for an initialiser all the same. */
const zero = { kind: 'constant', value: 0 } as const;

function findFolds(graph: Graph): readonly Fold[] {
  const makers = new Map(graph.nodes.map((node) => [node.outputs[0]!, node]));
  const readers = new Map<string, number>();
  for (const value of [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs]) {
    readers.set(value, (readers.get(value) ?? 0) + 1);
  }
  const parameters = new Set(graph.parameters.map(({ name }) => name));
  return graph.nodes.flatMap((normalization) => {
    if (normalization.op !== 'BatchNormalization') return [];
    const convolution = makers.get(normalization.inputs[0]!);
    if (convolution?.op !== 'Conv' || readers.get(convolution.outputs[0]!) !== 1) return [];
    const constant = [...convolution.inputs.slice(1), ...normalization.inputs.slice(1)];
    return constant.every((value) => parameters.has(value)) ? [{ convolution, normalization }] : [];
  });
}

function foldedWeights({ convolution, normalization }: Fold, weights: Weights, shape: readonly number[]) {
  const [kernel, bias] = convolution.inputs.slice(1).map((name) => weights.get(name)!);
  const [scale, shift, mean, variance] = normalization.inputs.slice(1).map((name) => weights.get(name)!);
  const channels = shape[0]!;
  const factors = Float64Array.from(
    { length: channels },
    (_, channel) => scale![channel]! / Math.sqrt(variance![channel]! + normalization.attributes.epsilon),
  );
  const perChannel = kernel!.length / channels;
  const foldedBias = Float32Array.from(
    factors,
    (factor, channel) => factor * ((bias?.[channel] ?? 0) - mean![channel]!) + shift![channel]!,
  );
  return {
    weight: { shape, data: kernel!.map((value, index) => value * factors[Math.floor(index / perChannel)]!) },
    bias: { shape: [channels], data: foldedBias },
  };
}
