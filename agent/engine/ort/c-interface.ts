import { createRequire } from 'node:module';
import { OnnxRuntimeError } from '../errors.ts';
import { libraryPath } from './package.ts';

/** Address of an object of the library; 0n is none. */
export type Pointer = bigint;

/** What functions of the C interface take, as TypeScript and as C see it. */
interface ArgumentTypes {
  /** An array of numbers is handed over where it lies; it must be alive until the library has done with it. */
  readonly pointer: Pointer | NodeJS.TypedArray;
  readonly text: string;
  readonly int: number;
  readonly size: number;
}
const cTypes = { pointer: 'void *', text: 'str', int: 'int', size: 'size_t' } satisfies Record<
  keyof ArgumentTypes,
  string
>;

interface Signature {
  /** Place in the table of functions `OrtApi` (onnxruntime_c_api.h), where nothing has moved since version 1. */
  readonly slot: number;
  readonly takes: readonly (keyof ArgumentTypes)[];
}

/** Functions that return a status. The last argument of those that make or get something is where it is put. */
const calls = {
  CreateEnv: { slot: 3, takes: ['int', 'text', 'pointer'] },
  DisableTelemetryEvents: { slot: 6, takes: ['pointer'] },
  CreateSessionFromArray: { slot: 8, takes: ['pointer', 'pointer', 'size', 'pointer', 'pointer'] },
  Run: { slot: 9, takes: ['pointer', 'pointer', 'pointer', 'pointer', 'size', 'pointer', 'size', 'pointer'] },
  CreateSessionOptions: { slot: 10, takes: ['pointer'] },
  SetSessionExecutionMode: { slot: 13, takes: ['pointer', 'int'] },
  EnableProfiling: { slot: 14, takes: ['pointer', 'text'] },
  DisableMemPattern: { slot: 17, takes: ['pointer'] },
  DisableCpuMemArena: { slot: 19, takes: ['pointer'] },
  SetSessionLogSeverityLevel: { slot: 22, takes: ['pointer', 'int'] },
  SetSessionGraphOptimizationLevel: { slot: 23, takes: ['pointer', 'int'] },
  SetIntraOpNumThreads: { slot: 24, takes: ['pointer', 'int'] },
  SetInterOpNumThreads: { slot: 25, takes: ['pointer', 'int'] },
  CreateTensorWithDataAsOrtValue: {
    slot: 49,
    takes: ['pointer', 'pointer', 'size', 'pointer', 'size', 'int', 'pointer'],
  },
  GetTensorMutableData: { slot: 51, takes: ['pointer', 'pointer'] },
  GetTensorElementType: { slot: 60, takes: ['pointer', 'pointer'] },
  GetDimensionsCount: { slot: 61, takes: ['pointer', 'pointer'] },
  GetDimensions: { slot: 62, takes: ['pointer', 'pointer', 'size'] },
  GetTensorTypeAndShape: { slot: 65, takes: ['pointer', 'pointer'] },
  CreateCpuMemoryInfo: { slot: 69, takes: ['int', 'int', 'pointer'] },
  AddSessionConfigEntry: { slot: 130, takes: ['pointer', 'text', 'text'] },
} as const satisfies Record<string, Signature>;

/** Functions that give an object back, which never fails. */
const releases = {
  ReleaseEnv: 92,
  ReleaseStatus: 93,
  ReleaseMemoryInfo: 94,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseTensorTypeAndShapeInfo: 99,
  ReleaseSessionOptions: 100,
} as const;
const errorMessageSlot = 2;
const slots = 131;

// Flags of dlopen(3) under Linux.
const bindNow = 2;
const neverUnload = 0x1000;

type Call<Takes extends readonly (keyof ArgumentTypes)[]> = (
  ...args: { -readonly [Index in keyof Takes]: ArgumentTypes[Takes[Index]] }
) => void;

/** The functions of ONNX Runtime's C interface that are used. @throws OnnxRuntimeError where the library refuses */
export type OrtApi = { readonly [Name in keyof typeof calls]: Call<(typeof calls)[Name]['takes']> } & {
  readonly [Name in keyof typeof releases]: (object: Pointer) => void;
};

/** The library and what it takes to look into its memory. */
export interface OrtLibrary {
  readonly api: OrtApi;
  addressOf(data: NodeJS.TypedArray): Pointer;
  /** The library's own memory, to be read before it is released. */
  bytesAt(address: Pointer, bytes: number): ArrayBuffer;
}

/** @throws where `koffi` or the library cannot be loaded on this machine */
export function loadOrtLibrary(): OrtLibrary {
  const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi');
  const addressesAt = (address: Pointer, count: number) => new BigUint64Array(koffi.view(address, 8 * count));
  const bind = (address: Pointer, result: string, takes: readonly string[]) =>
    koffi.decode(address, koffi.proto(result, [...takes])) as (...args: unknown[]) => unknown;

  const path = libraryPath();
  // `koffi` unloads a library that nobody refers to any more, and functions that were found in a table don't count.
  const open = koffi.load(null).func('dlopen', 'void *', ['str', 'int']);
  open(path, bindNow | neverUnload);
  const base = koffi.load(path).func('OrtGetApiBase', 'void *', [])() as Pointer;
  const getApi = bind(addressesAt(base, 1)[0]!, 'void *', ['uint32_t']);
  const table = addressesAt(getApi(1) as Pointer, slots);

  const errorMessage = bind(table[errorMessageSlot]!, 'str', ['void *']);
  const api: Record<string, unknown> = {};
  for (const [name, slot] of Object.entries(releases)) api[name] = bind(table[slot]!, 'void', ['void *']);
  const releaseStatus = api.ReleaseStatus as (status: Pointer) => void;
  for (const [name, { slot, takes }] of Object.entries(calls)) {
    const call = bind(
      table[slot]!,
      'void *',
      takes.map((type) => cTypes[type]),
    );
    api[name] = (...args: unknown[]) => {
      const status = call(...args) as Pointer | null;
      if (status === null) return;
      const message = errorMessage(status) as string;
      releaseStatus(status);
      throw new OnnxRuntimeError(name, message);
    };
  }
  return { api: api as OrtApi, addressOf: koffi.address, bytesAt: koffi.view };
}

/** What a call puts where its last argument points to. */
export function made(call: (out: BigUint64Array) => void): Pointer {
  const out = new BigUint64Array(1);
  call(out);
  return out[0]!;
}
