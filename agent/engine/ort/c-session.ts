import { type Port, type Program, portName } from '../../../models/index.ts';
import { OnnxRuntimeError } from '../errors.ts';
import { loadOrtLibrary, made, type OrtLibrary, type Pointer } from './c-interface.ts';
import { type OrtValues, ortValues } from './c-values.ts';
import {
  fedTensor,
  fetchedPorts,
  memoryOf,
  type OpenSession,
  type Session,
  type SessionOptions,
  type Tensor,
} from './session.ts';

// Of the enumerations in onnxruntime_c_api.h.
const errorsOnly = 3;
const sequential = 0;
const noOptimization = 0;

/** What the sessions of a thread share. */
interface Needs {
  readonly library: OrtLibrary;
  /** Lives as long as the thread: the library counts how many hold the one it has. */
  readonly environment: Pointer;
  readonly values: OrtValues;
}

/**
 * Sessions through ONNX Runtime's C interface: inputs and outputs are values over our own memory, and nothing is copied.
 *
 * @throws where the library cannot be loaded or called on this machine
 */
export function cInterface(): OpenSession {
  const library = loadOrtLibrary();
  const { api } = library;
  const environment = made((out) => api.CreateEnv(errorsOnly, 'flotilla', out));
  api.DisableTelemetryEvents(environment);
  const needs: Needs = { library, environment, values: ortValues(library) };
  return async (program, options) => openSession(needs, program, options);
}

function openSession(needs: Needs, program: Program, options: SessionOptions): Session {
  const { api } = needs.library;
  let session = createSession(needs, program.bytes, options);
  const fetched = fetchedPorts(program);
  const inputs = borderOf(needs.library, program.inputs);
  const outputs = borderOf(needs.library, fetched);
  const run = (feeds: ReadonlyMap<string, Tensor>, given: ReadonlyMap<string, Tensor>): Map<string, Tensor> => {
    const results = new Map(given);
    try {
      program.inputs.forEach(({ name }, index) => {
        inputs.values[index] = needs.values.over(fedTensor(feeds, name));
      });
      fetched.forEach(({ name }, index) => {
        const memory = given.get(name);
        if (memory !== undefined) outputs.values[index] = needs.values.over(memory);
      });
      const [read, written] = [inputs.values, outputs.values];
      api.Run(session, 0n, inputs.names, read, read.length, outputs.names, written.length, written);
      fetched.forEach(({ name }, index) => {
        if (!results.has(name)) results.set(name, needs.values.copy(written[index]!));
      });
      return results;
    } finally {
      release(inputs);
      release(outputs);
    }
  };
  const release = ({ values }: Border) => {
    for (const value of values) if (value !== 0n) api.ReleaseValue(value);
    values.fill(0n);
  };
  return {
    program,
    async run(feeds, into, pool) {
      if (session === 0n) throw new OnnxRuntimeError('Run', 'the session has been released');
      const results = run(feeds, memoryOf(fetched, into, pool));
      return new Map(program.outputs.map((port) => [portName(port), results.get(port.name)!]));
    },
    async release() {
      const last = session;
      session = 0n;
      if (last !== 0n) api.ReleaseSession(last);
    },
  };
}

function createSession({ library, environment }: Needs, bytes: Uint8Array, options: SessionOptions): Pointer {
  const { api } = library;
  const native = made((out) => api.CreateSessionOptions(out));
  try {
    configure(library, native, options);
    return made((out) => api.CreateSessionFromArray(environment, bytes, bytes.length, native, out));
  } finally {
    api.ReleaseSessionOptions(native);
  }
}

function configure({ api }: OrtLibrary, native: Pointer, options: SessionOptions): void {
  const { threads, profile, arena = true, spinning = true } = options;
  api.SetIntraOpNumThreads(native, threads);
  api.SetInterOpNumThreads(native, 1);
  api.SetSessionExecutionMode(native, sequential);
  // Programs are lowered to what is fastest as it stands: optimising them again only takes time when they are loaded.
  api.SetSessionGraphOptimizationLevel(native, noOptimization);
  api.SetSessionLogSeverityLevel(native, errorsOnly);
  if (!arena) {
    api.DisableCpuMemArena(native);
    api.DisableMemPattern(native);
  }
  if (!spinning) api.AddSessionConfigEntry(native, 'session.intra_op.allow_spinning', '0');
  if (profile !== undefined) api.EnableProfiling(native, profile);
}

/** The names of a program's inputs or outputs as the library reads them, and room for a run's values. */
interface Border {
  readonly names: BigUint64Array;
  readonly values: BigUint64Array;
  /** What `names` points into. */
  readonly text: Uint8Array;
}

function borderOf({ addressOf }: OrtLibrary, ports: readonly Port[]): Border {
  const encoded = ports.map(({ name }) => new TextEncoder().encode(`${name}\0`));
  const text = new Uint8Array(encoded.reduce((bytes, { length }) => bytes + length, 0));
  const names = new BigUint64Array(ports.length);
  let end = 0;
  encoded.forEach((name, index) => {
    text.set(name, end);
    names[index] = addressOf(text) + BigInt(end);
    end += name.length;
  });
  return { names, values: new BigUint64Array(ports.length), text };
}
