import { type Examiner, type Judge, RAW_CODEC } from '../../broker/index.ts';
import { byteSize, elementCount } from '../../models/index.ts';
import { encodingProblem, payloadProblem } from '../codec/index.ts';

/**
 * What this board could not decode is turned away before it takes memory. So is what would not have its place once it is
 * decoded: a few bytes of Huffman codes may claim to be any number of values.
 */
export const judgeUpTo =
  (maxTensorBytes: number): Judge =>
  ({ codec, dtype, shape, totalBytes }) => {
    if (codec.id === RAW_CODEC && dtype !== 'float32') return null;
    const count = elementCount(shape);
    if (dtype !== 'float32' || byteSize({ dataType: dtype, shape }) > maxTensorBytes) return 'bad-encoding';
    return encodingProblem(codec, count, totalBytes);
  };

/** What only all of a payload shows is found out before its sender forgets it. */
export const examine: Examiner = ({ codec, shape }, payload) => payloadProblem(codec, elementCount(shape), payload);
