import { channelSum, mapOf } from '../../blocked.ts';
import type { Formulation } from '../../formulation.ts';
import { fitsBlocked } from '../../layout.ts';

/** Σ over samples and places, which is the gradient of a convolution's bias. */
export const blockedChannelSum: Formulation<'ReduceSum'> = {
  name: 'by channel, blocked',
  applies: ({ inputs, attributes: { axes, keepDims } }, emitter) =>
    !keepDims && axes.join() === '0,2,3' && fitsBlocked(emitter.shapeOf(inputs[0]!), emitter.capabilities),
  emit: ({ inputs, outputs }, emitter) => {
    const sum = channelSum(emitter, emitter.read(inputs[0]!, 'blocked'), mapOf(emitter, inputs[0]!));
    emitter.alias(outputs[0]!, 'blocked', sum);
  },
};
