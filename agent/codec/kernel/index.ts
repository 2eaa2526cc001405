import { createTwinKernel } from './twin.ts';
import type { Kernel } from './types.ts';
import { createWasmKernel } from './wasm.ts';

export * from './layout.ts';
export { createTwinKernel } from './twin.ts';
export type { Kernel } from './types.ts';
export { createWasmKernel } from './wasm.ts';

let own: Kernel | undefined;

/** This thread's kernel: in WebAssembly, or the twin where that is not to be had. */
export function threadKernel(): Kernel {
  own ??= createWasmKernel() ?? createTwinKernel();
  return own;
}
