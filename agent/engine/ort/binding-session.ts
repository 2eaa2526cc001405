import { type Program, portName } from '../../../models/index.ts';
import { type InferenceSession, loadBinding, type OrtTensor } from './package.ts';
import { fedTensor, fetchedPorts, memoryOf, type Session, type SessionOptions, type Tensor } from './session.ts';

/** A session through the JavaScript binding of `onnxruntime-node`: where the C interface cannot be called. */
export async function openBindingSession(program: Program, options: SessionOptions): Promise<Session> {
  const session = await loadBinding().InferenceSession.create(program.bytes, bindingOptions(options));
  const fetched = fetchedPorts(program);
  return {
    program,
    async run(feeds, into, pool) {
      const given = memoryOf(fetched, into, pool);
      const fed = Object.fromEntries(program.inputs.map(({ name }) => [name, toOrt(fedTensor(feeds, name))]));
      const fetches = Object.fromEntries(
        fetched.map(({ name }) => [name, given.has(name) ? toOrt(given.get(name)!) : null]),
      );
      const results = await session.run(fed, fetches);
      for (const name of given.keys()) discard(results[name]!);
      return new Map(
        program.outputs.map((port) => [portName(port), given.get(port.name) ?? fromOrt(results[port.name]!)]),
      );
    },
    async release() {
      if (options.profile !== undefined) session.endProfiling();
      await session.release();
    },
  };
}

function bindingOptions({
  threads,
  profile,
  arena = true,
  spinning = true,
}: SessionOptions): InferenceSession.SessionOptions {
  const profiling = profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile };
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableCpuMemArena: arena,
    enableMemPattern: arena,
    // Programs are lowered to what is fastest as it stands: optimising them again only takes time when they are loaded.
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 3,
    ...profiling,
    ...(spinning ? {} : { extra: { session: { intra_op: { allow_spinning: '0' } } } }),
  };
}

function toOrt({ data, shape }: Tensor): OrtTensor {
  const { Tensor } = loadBinding();
  return data instanceof Float32Array ? new Tensor('float32', data, shape) : new Tensor('int64', data, shape);
}

function fromOrt(tensor: OrtTensor): Tensor {
  return { shape: tensor.dims, data: tensor.data as Tensor['data'] };
}

/**
 * The binding hands out a copy of every output, also of one that was written into memory that it was given. Left to the
 * garbage collector, these copies made it run two or three times a step.
 */
function discard({ data }: OrtTensor): void {
  const { buffer } = data as Float32Array;
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
