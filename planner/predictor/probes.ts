import { type Block, type Graph, GraphBuilder } from '../../models/index.ts';

/**
 * The probe that a board runs by itself: small graphs that each exercise one kind of work, lowered and timed as a block
 * of a model is. The predictor learns from them as from blocks, so a probe needs no rule of its own.
 */
export const probeBatch = 4;

export interface ProbeGraph {
  readonly graph: Graph;
  /** Three blocks, of which only the middle one holds nodes: it has a block before it, and so an input gradient. */
  readonly blocks: readonly Block[];
}

/** Adds nodes behind the input `x` and returns the last value. */
type Body = (builder: GraphBuilder, x: string) => string;

interface Probe {
  /** Without the batch. */
  readonly sample: readonly number[];
  readonly body: Body;
}

const uniform = { kind: 'uniform', bound: 0.05 } as const;

const product =
  (inputs: number, outputs: number): Body =>
  (builder, x) =>
    builder.add('Gemm', 'y', [x, builder.parameter('w', [outputs, inputs], uniform)], {
      transA: false,
      transB: true,
      alpha: 1,
      beta: 1,
    });

/** A convolution with weights [outputs, inputs / groups, …kernel] that keeps the size of its maps. */
const convolution =
  (outputs: number, inputs: number, kernel: readonly number[], groups = 1): Body =>
  (builder, x) =>
    builder.add('Conv', 'y', [x, builder.parameter('w', [outputs, inputs / groups, ...kernel], uniform)], {
      kernel,
      groups,
      strides: kernel.map(() => 1),
      dilations: kernel.map(() => 1),
      pads: [...kernel, ...kernel].map((size) => (size - 1) / 2),
    });

const normalization =
  (channels: number): Body =>
  (builder, x) => {
    const one = { kind: 'constant', value: 1 } as const;
    const zero = { kind: 'constant', value: 0 } as const;
    const parameters = [
      builder.parameter('scale', [channels], one),
      builder.parameter('bias', [channels], zero),
      builder.parameter('mean', [channels], zero, 'running'),
      builder.parameter('variance', [channels], one, 'running'),
    ];
    const outputs = ['mean', 'variance', 'batchMean', 'batchInverse'];
    builder.add('BatchNormalization', 'y', [x, ...parameters], { epsilon: 1e-5, momentum: 0.1 }, outputs);
    builder.update('mean', 'y/mean');
    builder.update('variance', 'y/variance');
    return 'y';
  };

const activations =
  (count: number): Body =>
  (builder, x) => {
    let value = x;
    for (let index = 0; index < count; index++) {
      value = builder.add('Clip', `clip${index}`, [value], { min: -1 - index, max: 6 + index });
    }
    return value;
  };

const pool: Body = (builder, x) =>
  builder.add('MaxPool', 'y', [x], { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] });

/** By name, in the order in which a short budget takes them. */
export const probes = {
  conv64: { sample: [64, 16, 16], body: convolution(64, 64, [3, 3]) },
  dispatch: { sample: [16], body: activations(24) },
  elementwise: { sample: [64, 32, 32], body: activations(2) },
  product1024: { sample: [1024], body: product(1024, 512) },
  normalization: { sample: [64, 32, 32], body: normalization(64) },
  depthwise192: { sample: [192, 16, 16], body: convolution(192, 192, [3, 3], 192) },
  pointwise: { sample: [64, 16, 16], body: convolution(256, 64, [1, 1]) },
  conv256: { sample: [256, 4, 4], body: convolution(256, 256, [3, 3]) },
  thin: { sample: [3, 32, 32], body: convolution(32, 3, [3, 3]) },
  line: { sample: [64, 64], body: convolution(64, 64, [5]) },
  pool: { sample: [64, 32, 32], body: pool },
  product256: { sample: [256], body: product(256, 256) },
} as const satisfies Readonly<Record<string, Probe>>;

export type ProbeName = keyof typeof probes;
export const probeNames = Object.keys(probes) as readonly ProbeName[];

/** The block of a probe's graph that is measured. */
export const probeBlock = 1;

export function probeGraph(name: ProbeName): ProbeGraph {
  const { sample, body }: Probe = probes[name];
  const builder = new GraphBuilder(name);
  const x = builder.input({ role: 'data', name: 'x' }, { dataType: 'float32', shape: [probeBatch, ...sample] });
  const output = body(builder, x);
  const graph = builder.finish([output]);
  const empty = (index: number, value: string): Block => ({
    index,
    name: index === 0 ? 'before' : 'after',
    nodes: [],
    entering: [value],
    leaving: [value],
  });
  const subject: Block = { index: probeBlock, name, nodes: graph.nodes, entering: [x], leaving: [output] };
  return { graph, blocks: [empty(0, x), subject, empty(2, output)] };
}
