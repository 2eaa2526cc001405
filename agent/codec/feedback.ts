import type { Codec, EncodeContext, Encoded } from './codec.ts';
import { codecOf } from './registry.ts';

/**
 * What was lost of a tensor is added to the next one of the same micro-batch, so that no error stays for ever. It keeps
 * a tensor for each micro-batch. The receiver need not know.
 */
export function withErrorFeedback(codec: Codec): Codec {
  const lost = new Map<number, Float32Array>();
  return {
    ...codec,
    encode(values, context) {
      const residual = lost.get(context.microBatch ?? 0);
      const wanted = residual?.length === values.length ? residual : new Float32Array(values.length);
      for (let index = 0; index < values.length; index++) wanted[index]! += values[index]!;
      const encoded = codec.encode(wanted, context);
      lost.set(context.microBatch ?? 0, wanted);
      if (encoded.payload.buffer !== wanted.buffer) subtractDecoded(wanted, encoded, context);
      // Nothing was lost, but what is sent must not be written again.
      else lost.delete(context.microBatch ?? 0);
      return encoded;
    },
  };
}

function subtractDecoded(wanted: Float32Array, { codec, payload }: Encoded, { memory }: EncodeContext): void {
  const decoded = codecOf(codec).decode(payload, wanted.length, memory);
  for (let index = 0; index < wanted.length; index++) {
    const left = wanted[index]! - decoded[index]!;
    wanted[index] = Number.isFinite(left) ? left : 0;
  }
  if (decoded.buffer !== payload.buffer) memory.giveBack(decoded.buffer);
}
