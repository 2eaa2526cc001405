import { type Port, type Program, portName } from '../../../models/index.ts';
import type { TensorPool } from '../tensor-pool.ts';

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

export type OpenSession = (program: Program, options: SessionOptions) => Promise<Session>;

/** The outputs to fetch: two ports may stand for one ONNX value, which is fetched once. */
export function fetchedPorts({ outputs }: Program): readonly Port[] {
  return [...new Map(outputs.map((port) => [port.name, port])).values()];
}

/** Memory for outputs, by ONNX name: what is given, or else the pool's. The library makes its own for the others. */
export function memoryOf(
  fetched: readonly Port[],
  into: ReadonlyMap<string, Tensor> | undefined,
  pool: TensorPool | undefined,
): Map<string, Tensor> {
  const given = new Map<string, Tensor>();
  for (const port of fetched) {
    const memory = into?.get(portName(port)) ?? (port.dataType === 'float32' ? pool?.take(port.shape) : undefined);
    if (memory !== undefined) given.set(port.name, memory);
  }
  return given;
}

export function fedTensor(feeds: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = feeds.get(name);
  if (tensor === undefined) throw new Error(`the program reads '${name}', which was not given`);
  return tensor;
}
