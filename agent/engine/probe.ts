import { type Capabilities, encodeOnnx, type OnnxModel, plainCapabilities } from '../../models/index.ts';
import type { Tensor } from './onnx-runtime.ts';

type RunModel = (bytes: Uint8Array, input: Tensor) => Promise<Tensor>;

/** Channels of the probe: more than the largest block, so that the block's size shows in where values land. */
const channels = 32;
const pixels = 2;

/**
 * Finds the channel block of ONNX Runtime's own convolution layout: reorders [1, 32, 1, 2] into it and looks where the
 * second channel's first pixel lies. A build without the layout refuses the operation.
 */
export async function probeModel(run: RunModel): Promise<Capabilities> {
  const shape = [1, channels, 1, pixels];
  const data = Float32Array.from({ length: channels * pixels }, (_, index) => index);
  try {
    const output = await run(encodeOnnx(reorderModel(shape)), { shape, data });
    // Blocked, the second pixel of channel 0 (value 1) lies one block behind its first.
    const block = (output.data as Float32Array).indexOf(1);
    return block === 8 || block === 16 ? { channelBlock: block } : plainCapabilities;
  } catch {
    return plainCapabilities;
  }
}

function reorderModel(shape: readonly number[]): OnnxModel {
  const domain = 'com.microsoft.nchwc';
  return {
    name: 'probe',
    opsets: { '': 17, [domain]: 1 },
    inputs: [{ name: 'x', dataType: 'float32', shape }],
    outputs: [{ name: 'y', dataType: 'float32', shape }],
    initializers: [],
    nodes: [{ op: 'ReorderInput', domain, name: 'reorder', inputs: ['x'], outputs: ['y'], attributes: {} }],
    metadata: {},
  };
}
