import { createRequire } from 'node:module';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { type Capabilities, type Program, portName } from '../../models/index.ts';
import { probeModel } from './probe.ts';
import type { TensorPool } from './tensor-pool.ts';

// The one door to ONNX Runtime. Its telemetry looks a collector up on the internet unless this is set before the
// library is loaded.
process.env.ORT_DISABLE_TELEMETRY = '1';

const require = createRequire(import.meta.url);

/** Known without loading the library, so that a thread that only talks about it stays small. */
export const runtimeVersion: string = require('onnxruntime-node/package.json').version;

/** Loads the library at the first call: only the thread that computes needs it. */
function runtime(): typeof import('onnxruntime-node') {
  return require('onnxruntime-node');
}

export type TensorData = Float32Array | BigInt64Array;

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export interface Session {
  readonly program: Program;
  /**
   * Runs the program on values by port name (`portName`). `into` names outputs whose memory is given; it may be that of
   * an input that is read element by element. Other outputs of float32 take theirs from the pool, where there is one.
   * Blocks this thread while it computes.
   */
  run(
    feeds: ReadonlyMap<string, Tensor>,
    into?: ReadonlyMap<string, Tensor>,
    pool?: TensorPool,
  ): Promise<Map<string, Tensor>>;
  release(): Promise<void>;
}

export interface SessionOptions {
  readonly threads: number;
  /** Writes the time of every node into files that begin so, when the session is released. */
  readonly profile?: string | undefined;
  /** Whether the library keeps memory from run to run (the default), or gets it anew: less memory, slower. */
  readonly arena?: boolean | undefined;
  /** Whether the library's threads wait busily for work (the default): sooner there, and in the way of others. */
  readonly spinning?: boolean | undefined;
}

const baseOptions = (threads: number, arena = true): InferenceSession.SessionOptions => ({
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  enableCpuMemArena: arena,
  enableMemPattern: arena,
  // Programs are lowered to what is fastest as it stands: optimising them again only takes time when they are loaded.
  graphOptimizationLevel: 'disabled',
  logSeverityLevel: 3,
});

export async function createSession(program: Program, options: SessionOptions): Promise<Session> {
  const { threads, profile, arena, spinning = true } = options;
  const profiling = profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile };
  const session = await runtime().InferenceSession.create(program.bytes, {
    ...baseOptions(threads, arena),
    ...profiling,
    ...(spinning ? {} : { extra: { session: { intra_op: { allow_spinning: '0' } } } }),
  });
  // Two ports may stand for one ONNX value, which is fetched once.
  const fetched = [...new Map(program.outputs.map((port) => [port.name, port])).values()];
  return {
    program,
    async run(feeds, into, pool) {
      const given = new Map<string, Tensor>();
      for (const port of fetched) {
        const memory = into?.get(portName(port)) ?? (port.dataType === 'float32' ? pool?.take(port.shape) : undefined);
        if (memory !== undefined) given.set(port.name, memory);
      }
      const fed = Object.fromEntries(program.inputs.map(({ name }) => [name, toOrt(feeds, name)]));
      const fetches = Object.fromEntries(
        fetched.map(({ name }) => [name, given.has(name) ? toOrt(given, name) : null]),
      );
      const results = await session.run(fed, fetches);
      for (const name of given.keys()) discard(results[name]!);
      return new Map(
        program.outputs.map((port) => [portName(port), given.get(port.name) ?? fromOrt(results[port.name]!)]),
      );
    },
    async release() {
      if (profile !== undefined) session.endProfiling();
      await session.release();
    },
  };
}

function toOrt(tensors: ReadonlyMap<string, Tensor>, name: string): OrtTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`the program reads '${name}', which was not given`);
  return ortTensor(tensor);
}

function ortTensor({ data, shape }: Tensor): OrtTensor {
  const { Tensor } = runtime();
  return data instanceof Float32Array ? new Tensor('float32', data, shape) : new Tensor('int64', data, shape);
}

function fromOrt(tensor: OrtTensor): Tensor {
  return { shape: tensor.dims, data: tensor.data as TensorData };
}

/**
 * The binding hands out a copy of every output, also of one that was written into memory that it was given. Left to the
 * garbage collector, these copies made it run two or three times a step.
 */
function discard({ data }: OrtTensor): void {
  const { buffer } = data as Float32Array;
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

let probed: Promise<Capabilities> | undefined;

/** What this build of ONNX Runtime on this processor can do; found out once by trying. */
export function probeCapabilities(): Promise<Capabilities> {
  probed ??= probeModel(async (bytes, input) => {
    const session = await runtime().InferenceSession.create(bytes, baseOptions(1));
    try {
      const fed = {
        [session.inputNames[0]!]: ortTensor(input),
      };
      const results = await session.run(fed);
      return fromOrt(results[session.outputNames[0]!]!);
    } finally {
      await session.release();
    }
  });
  return probed;
}
