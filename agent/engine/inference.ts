import type { Port, Program } from '../../models/index.ts';
import { createSession } from './onnx-runtime.ts';

/** An exported model, ready to be asked. */
export interface Inference {
  /** input [N, …sample] → scores [N, classes], flattened */
  run(shape: readonly number[], input: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

export async function openInference(
  onnx: Uint8Array,
  { input, output }: { readonly input: string; readonly output: string },
): Promise<Inference> {
  const port = (name: string): Port => ({ name, value: name, layout: 'plain', dataType: 'float32', shape: [] });
  const program: Program = { bytes: onnx, inputs: [port(input)], outputs: [port(output)] };
  const session = await createSession(program, { threads: 0 });
  return {
    async run(shape, data) {
      const results = await session.run(new Map([[input, { shape, data }]]));
      return results.get(output)!.data as Float32Array;
    },
    release: () => session.release(),
  };
}
