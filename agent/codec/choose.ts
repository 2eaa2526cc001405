import type { TensorCodec } from '../../planner/index.ts';
import type { Codec } from './codec.ts';
import { withErrorFeedback } from './feedback.ts';
import { bfloat16, float16 } from './half.ts';
import { planesCodec } from './planes/planes.ts';
import { raw } from './raw.ts';

const usualGroup = 64;
/** Above, a value takes too much of the first cache, and gains little. */
const largestRotation = 64;

/**
 * The codec that a plan asks for. Activations are quantised from each group's minimum up, to the nearest; gradients
 * around zero, by chance, as their errors must not add up.
 */
export function codecFor(role: 'activation' | 'gradient', choice: TensorCodec): Codec {
  const codec = plainFor(role, choice);
  return choice.feedback ? withErrorFeedback(codec) : codec;
}

function plainFor(role: 'activation' | 'gradient', choice: TensorCodec): Codec {
  const { bits, group = usualGroup } = choice;
  if (bits === 32) return raw;
  if (bits === 16) return choice.float16 ? float16 : bfloat16;
  return planesCodec({
    bits,
    group,
    range: role === 'gradient' ? 'maximum' : 'minimum',
    rotation: choice.hadamard ? Math.min(group, largestRotation) : 0,
    zeroMask: choice.zeroMask ?? false,
    huffman: choice.huffman ?? false,
    stochastic: role === 'gradient',
  });
}
