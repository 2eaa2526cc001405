import './quiet.ts';
import ort from 'onnxruntime-node';
import { type Capabilities, type DataType, encodeOnnx, type Program, portName } from '../../../models/index.ts';

/** Runs programs on stock ONNX Runtime, one thread, in this process. */

export type Values = Float32Array | BigInt64Array;
export type Feeds = ReadonlyMap<string, Values>;
export type Results = ReadonlyMap<string, Float32Array>;

const options = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
} as const;

function tensorOf(dataType: DataType, values: Values, shape: readonly number[]): ort.Tensor {
  if (dataType === 'int64') return new ort.Tensor('int64', values as BigInt64Array, shape);
  return new ort.Tensor('float32', values as Float32Array, shape);
}

/** A loaded program: feeds and results go by the names of values, with their layout where it is not plain. */
export interface Loaded {
  /** Throws where a feed is missing. */
  run(feeds: Feeds): Promise<Results>;
  dispose(): Promise<void>;
}

export async function load(program: Program): Promise<Loaded> {
  const session = await ort.InferenceSession.create(program.bytes, options);
  return {
    async run(feeds) {
      const tensors = program.inputs.map(({ name, value, dataType, shape }) => {
        const values = feeds.get(name) ?? feeds.get(value);
        if (values === undefined) throw new Error(`no feed for '${name}'`);
        return [name, tensorOf(dataType, values, shape)] as const;
      });
      const results = await session.run(Object.fromEntries(tensors));
      return new Map(
        program.outputs.flatMap(({ name, value, layout }) => {
          const data = results[name]!.data as Float32Array;
          return [
            [name, data],
            [portName({ value, layout }), data],
          ] as const;
        }),
      );
    },
    dispose: () => session.release(),
  };
}

/** Loads, runs once and disposes. */
export async function runOnce(program: Program, feeds: Feeds): Promise<Results> {
  const loaded = await load(program);
  try {
    return await loaded.run(feeds);
  } finally {
    await loaded.dispose();
  }
}

/**
 * What the ONNX Runtime of this machine can do: plain ONNX always, and the blocked layout where it has one. Which block
 * size shows in the order that `ReorderInput` gives two columns of sixteen channels.
 */
export async function capabilitiesHere(): Promise<readonly Capabilities[]> {
  const port = { dataType: 'float32', shape: [1, 16, 1, 2] } as const;
  const bytes = encodeOnnx({
    name: 'probe',
    opsets: { '': 17, 'com.microsoft.nchwc': 1 },
    inputs: [{ name: 'x', ...port }],
    outputs: [{ name: 'y', ...port }],
    initializers: [],
    nodes: [
      { op: 'ReorderInput', domain: 'com.microsoft.nchwc', name: 'y', inputs: ['x'], outputs: ['y'], attributes: {} },
    ],
    metadata: {},
  });
  const ports = { layout: 'plain', ...port } as const;
  const program = {
    bytes,
    inputs: [{ name: 'x', value: 'x', ...ports }],
    outputs: [{ name: 'y', value: 'y', ...ports }],
  };
  try {
    const results = await runOnce(program, new Map([['x', Float32Array.from({ length: 32 }, (_, i) => i)]]));
    const secondBlock = results.get('y')![8];
    return [{ channelBlock: 0 }, { channelBlock: secondBlock === 1 ? 8 : 16 }];
  } catch {
    return [{ channelBlock: 0 }];
  }
}
