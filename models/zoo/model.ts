import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/types.ts';

export interface ModelOptions {
  /** Samples a micro-batch. */
  readonly batch: number;
  readonly classes: number;
  /** Shape of one sample, such as [3, 32, 32]. */
  readonly inputShape: readonly number[];
}

/** A classifier: the graph from images and labels to the mean loss, and the value that holds the class scores. */
export interface Model {
  readonly name: string;
  readonly options: ModelOptions;
  readonly graph: Graph;
  readonly logits: string;
}

/** Wraps a body (x → logits [N, classes]) with its inputs and the cross-entropy loss. */
export function classifier(
  name: string,
  options: ModelOptions,
  body: (builder: GraphBuilder, x: string) => string,
): Model {
  const builder = new GraphBuilder(name);
  const { batch, inputShape } = options;
  const x = builder.input({ role: 'data', name: 'x' }, { dataType: 'float32', shape: [batch, ...inputShape] });
  const labels = builder.input({ role: 'target', name: 'labels' }, { dataType: 'int64', shape: [batch] });
  const logits = body(builder, x);
  const loss = builder.add('SoftmaxCrossEntropy', 'loss', [logits, labels], {});
  return { name, options, graph: builder.finish([loss]), logits };
}
