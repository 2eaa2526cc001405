import test from 'ava';
import { createOnnxEngine, type Engine, type StageSpecification, type StateTensor } from '../../agent/index.ts';
import { type Block, float32, type Graph, GraphBuilder, splitIntoBlocks } from '../../models/index.ts';

/**
 * Every way to share the blocks of small residual networks out, stage by stage as on boards of their own: the losses
 * must be those of one stage, to the last bit.
 */

const microBatch = 4;
const microBatches = 2;
const steps = 2;
const places = 8;

type Body = (net: Net, x: string) => string;

/** Layers under names that count up. */
class Net {
  readonly builder = new GraphBuilder('net');
  #count = 0;

  /** Convolution, normalisation and, where asked for, an activation. */
  layer(x: string, outputs: number, options: { kernel?: number; stride?: number; active?: boolean } = {}): string {
    const { kernel = 3, stride = 1, active = true } = options;
    const name = `layer${this.#count++}`;
    const inputs = this.builder.typeOf(x).shape[1]!;
    const uniform = { kind: 'uniform', bound: 0.2 } as const;
    const weight = this.builder.parameter(`${name}.weight`, [outputs, inputs, kernel, kernel], uniform);
    const convolved = this.builder.add('Conv', name, [x, weight], {
      kernel: [kernel, kernel],
      strides: [stride, stride],
      pads: Array<number>(4).fill(kernel >> 1),
      dilations: [1, 1],
      groups: 1,
    });
    const normal = this.#normal(`${name}.normal`, convolved, outputs);
    return active ? this.builder.add('Relu', `${name}.relu`, [normal], {}) : normal;
  }

  add(left: string, right: string): string {
    return this.builder.add('Add', `sum${this.#count++}`, [left, right], {});
  }

  #normal(name: string, x: string, channels: number): string {
    const [one, zero] = [1, 0].map((value) => ({ kind: 'constant', value }) as const);
    const parameters = [
      this.builder.parameter(`${name}.scale`, [channels], one!),
      this.builder.parameter(`${name}.bias`, [channels], zero!),
      this.builder.parameter(`${name}.mean`, [channels], zero!, 'running'),
      this.builder.parameter(`${name}.variance`, [channels], one!, 'running'),
    ];
    const outputs = ['mean', 'variance', 'batchMean', 'inverse'];
    this.builder.add('BatchNormalization', name, [x, ...parameters], { epsilon: 1e-5, momentum: 0.1 }, outputs);
    this.builder.update(`${name}.mean`, `${name}/mean`);
    this.builder.update(`${name}.variance`, `${name}/variance`);
    return name;
  }
}

function networkOf(body: Body): Graph {
  const net = new Net();
  const { builder } = net;
  const x = builder.input({ role: 'data', name: 'x' }, float32(microBatch, 3, places, places));
  const labels = builder.input({ role: 'target', name: 'labels' }, { dataType: 'int64', shape: [microBatch] });
  const pooled = builder.add('GlobalAveragePool', 'pool', [body(net, net.layer(x, 16))], {});
  const flat = builder.add('Flatten', 'flat', [pooled], { axis: 1 });
  const weight = builder.parameter('head', [4, builder.typeOf(flat).shape[1]!], { kind: 'uniform', bound: 0.3 });
  const product = { transA: false, transB: true, alpha: 1, beta: 1 };
  const logits = builder.add('Gemm', 'logits', [flat, weight], product);
  return builder.finish([builder.add('SoftmaxCrossEntropy', 'loss', [logits, labels], {})]);
}

const networks: Readonly<Record<string, { readonly body: Body; readonly blocks: number }>> = {
  // the shortcut passes two cuts before it is read again
  'a bottleneck': {
    blocks: 5,
    body: (net, x) => net.add(x, net.layer(net.layer(net.layer(x, 32, { kernel: 1 }), 32), 16, { kernel: 1 })),
  },
  'a projected shortcut': {
    blocks: 5,
    body: (net, x) =>
      net.add(net.layer(net.layer(x, 32, { stride: 2 }), 32, { active: false }), net.layer(x, 32, { stride: 2 })),
  },
  // gradients of three uses are added in one order, wherever the cut lies
  'a value that is read three times': {
    blocks: 4,
    body: (net, x) => net.add(net.add(net.layer(x, 16), net.layer(x, 16, { kernel: 1 })), x),
  },
};

/** The engines of all stages, each loaded once, with the state that they began with. */
class Stages {
  readonly #engines = new Map<string, { engine: Engine; initial: readonly (readonly StateTensor[])[] }>();
  readonly #graph: Graph;
  readonly #blocks: readonly Block[];

  constructor(graph: Graph, blocks: readonly Block[]) {
    this.#graph = graph;
    this.#blocks = blocks;
  }

  /** A stage as it was at first. */
  async fresh(firstBlock: number, lastBlock: number): Promise<Engine> {
    const key = `${firstBlock}-${lastBlock}`;
    const known = this.#engines.get(key);
    if (known === undefined) return this.#load(key, firstBlock, lastBlock);
    for (const [index, tensors] of known.initial.entries()) {
      await known.engine.setState(firstBlock + index, tensors);
    }
    return known.engine;
  }

  async dispose(): Promise<void> {
    for (const { engine } of this.#engines.values()) await engine.dispose();
  }

  async #load(key: string, firstBlock: number, lastBlock: number): Promise<Engine> {
    const engine = createOnnxEngine({ blocksOf: () => ({ graph: this.#graph, blocks: this.#blocks }) });
    const initial: (readonly StateTensor[])[] = [];
    this.#engines.set(key, { engine, initial });
    const specification: StageSpecification = {
      model: 'net',
      classes: 4,
      inputShape: [3, places, places],
      cuts: 'double',
      microBatch,
      microBatches,
      firstBlock,
      lastBlock,
      fused: false,
      optimizer: { name: 'sgd', options: { momentum: 0.9 } },
      seed: 5,
      threads: 1,
    };
    await engine.load(specification);
    for (let block = firstBlock; block <= lastBlock; block++) initial.push(await engine.getState(block));
    return engine;
  }
}

const images = (part: number) =>
  Float32Array.from({ length: microBatch * 3 * places ** 2 }, (_, i) => Math.sin(i * 0.37 + part));

/** The losses of some steps on stages that end before these blocks. */
async function lossesOf(stages: Stages, ends: readonly number[]): Promise<readonly number[]> {
  const engines: Engine[] = [];
  for (const [index, end] of ends.entries()) engines.push(await stages.fresh(ends[index - 1] ?? 0, end - 1));
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    for (let part = 0; part < microBatches; part++) {
      const id = { step, microBatch: part };
      let value = images(part);
      for (const [index, engine] of engines.entries()) {
        const labels = index === engines.length - 1 ? Int32Array.from({ length: microBatch }, (_, i) => i) : undefined;
        ({ value } = (await engine.forward(id, value, labels)) as { value: Float32Array<ArrayBuffer> });
      }
      losses.push(value[0]!);
      let gradient: Float32Array | undefined;
      for (const engine of engines.toReversed()) ({ value: gradient } = await engine.backward(id, gradient));
    }
    for (const engine of engines) await engine.update(step, 0.05);
  }
  return losses;
}

/** Every way to end stages within so many blocks: each border is one or is not. */
function everySplit(blocks: number): readonly (readonly number[])[] {
  return Array.from({ length: 2 ** (blocks - 1) }, (_, chosen) => [
    ...Array.from({ length: blocks - 1 }, (_, border) => border + 1).filter((end) => (chosen >> (end - 1)) & 1),
    blocks,
  ]);
}

for (const [name, { body, blocks: count }] of Object.entries(networks)) {
  test(`${name}: every split gives the losses of one stage, to the last bit`, async (t) => {
    const graph = networkOf(body);
    const blocks = splitIntoBlocks(graph, 'double');
    t.is(blocks.length, count);
    t.true(blocks.some(({ leaving }) => leaving.length === 2));
    const stages = new Stages(graph, blocks);
    try {
      const [whole, ...splits] = everySplit(count);
      const expected = await lossesOf(stages, whole!);
      t.is(new Set(expected).size, expected.length);
      for (const ends of splits) t.deepEqual(await lossesOf(stages, ends), expected, ends.join());
    } finally {
      await stages.dispose();
    }
  });
}
