import { fillTables } from './layout.ts';
import type { Kernel } from './types.ts';
import { wasmBase64 } from './wasm-bytes.ts';

/** As much of it as is used: TypeScript has it among the types of browsers only. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: unknown;
  }
  class CompileError extends Error {}
}

/** The kernel in WebAssembly; undefined where the engine has no WebAssembly SIMD. */
export function createWasmKernel(): Kernel | undefined {
  try {
    const module = new WebAssembly.Module(Buffer.from(wasmBase64, 'base64'));
    const exported = new WebAssembly.Instance(module).exports as Omit<Kernel, 'name' | 'memory'> & {
      readonly memory: { readonly buffer: ArrayBuffer };
    };
    const { encode, decode, rotate, compact, spread } = exported;
    const memory = exported.memory.buffer;
    fillTables(memory);
    return { name: 'wasm', memory, encode, decode, rotate, compact, spread };
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return undefined;
    throw error;
  }
}
