import { type Capabilities, encodeOnnx, type Port, type Program, plainCapabilities } from '../../models/index.ts';
import type { OpenSession } from './ort/session.ts';

/** Channels of the probe: more than the largest block, so that the block's size shows in where values land. */
const channels = 32;
const pixels = 2;
const shape = [1, channels, 1, pixels];

/**
 * Finds the channel block of ONNX Runtime's own convolution layout: reorders [1, 32, 1, 2] into it and looks where the
 * second channel's first pixel lies. A build without the layout refuses the operation.
 */
export async function probeModel(open: OpenSession): Promise<Capabilities> {
  const data = Float32Array.from({ length: channels * pixels }, (_, index) => index);
  try {
    const session = await open(reorderProgram(), { threads: 1 });
    try {
      const results = await session.run(new Map([['x', { shape, data }]]));
      // Blocked, the second pixel of channel 0 (value 1) lies one block behind its first.
      const block = (results.get('y')!.data as Float32Array).indexOf(1);
      return block === 8 || block === 16 ? { channelBlock: block } : plainCapabilities;
    } finally {
      await session.release();
    }
  } catch {
    return plainCapabilities;
  }
}

const port = (name: string): Port => ({ name, value: name, layout: 'plain', dataType: 'float32', shape });
const domain = 'com.microsoft.nchwc';
const reorderProgram = (): Program => ({
  bytes: encodeOnnx({
    name: 'probe',
    opsets: { '': 17, [domain]: 1 },
    inputs: [{ name: 'x', dataType: 'float32', shape }],
    outputs: [{ name: 'y', dataType: 'float32', shape }],
    initializers: [],
    nodes: [{ op: 'ReorderInput', domain, name: 'reorder', inputs: ['x'], outputs: ['y'], attributes: {} }],
    metadata: {},
  }),
  inputs: [port('x')],
  outputs: [port('y')],
});
