import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

// The one door to the package that brings ONNX Runtime. Its telemetry looks a collector up on the internet unless this
// is set before the library is loaded.
process.env.ORT_DISABLE_TELEMETRY = '1';

export type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';

const require = createRequire(import.meta.url);

/** Known without loading the library, so that a thread that only talks about it stays small. */
export const onnxRuntime: { readonly name: string; readonly version: string } = {
  name: 'onnxruntime',
  version: require('onnxruntime-node/package.json').version,
};

/** Loads the library with its JavaScript binding. */
export function loadBinding(): typeof import('onnxruntime-node') {
  return require('onnxruntime-node');
}

/** Where the package keeps the library for this processor under Linux; whether it is there is another question. */
export function libraryPath(): string {
  const root = dirname(require.resolve('onnxruntime-node/package.json'));
  return join(root, 'bin', 'napi-v6', 'linux', process.arch, 'libonnxruntime.so.1');
}
