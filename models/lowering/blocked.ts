import type { Node } from '../graph/types.ts';
import type { OnnxAttribute } from '../onnx/types.ts';
import { type Emitter, ints } from './emitter.ts';
import { roundUp } from './packing.ts';

/** The sizes of an activation [N, C, H, W] in the blocked layout [C/B, H, W, N, B]. */
export interface BlockedMap {
  readonly batch: number;
  /** Rounded up to blocks. */
  readonly channels: number;
  readonly blocks: number;
  readonly height: number;
  readonly width: number;
  /** B */
  readonly block: number;
  /** Values of one place in one block of channels: N·B. */
  readonly column: number;
}

export function mapOf(emitter: Emitter, value: string): BlockedMap {
  const [batch, channels, height, width] = emitter.shapeOf(value) as [number, number, number, number];
  const block = emitter.capabilities.channelBlock;
  const padded = roundUp(channels, block);
  return { batch, channels: padded, blocks: padded / block, height, width, block, column: batch * block };
}

/** An operation of the engine on its blocked layout. */
export function blockedNode(
  emitter: Emitter,
  op: 'Conv' | 'MaxPool' | 'GlobalAveragePool' | 'ReorderInput',
  inputs: readonly string[],
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
  outputs?: readonly string[],
): string {
  return emitter.node(op, inputs, {
    domain: 'com.microsoft.nchwc',
    attributes,
    ...(outputs && { outputs }),
  });
}

/** The shape in which the engine's operations see a blocked activation: samples beside each other, as if one wide image. */
export function wide({ channels, height, width, batch }: BlockedMap): readonly number[] {
  return [1, channels, height, width * batch];
}

/**
 * Where a convolution that has computed `node`'s output shall put it: as that output, or with the activation that
 * alone reads it as the activation's output.
 */
export function withFollower(emitter: Emitter, node: Node) {
  const follower = emitter.followerOf(node.outputs[0]!);
  const outputs = [emitter.write((follower ?? node).outputs[0]!, 'blocked')];
  if (follower === undefined) return { attributes: {}, outputs };
  const activation = (name: string): OnnxAttribute => ({ kind: 'string', value: name });
  if (follower.op === 'Relu') return { attributes: { activation: activation('Relu') }, outputs };
  const { min, max } = follower.attributes;
  const bounds: OnnxAttribute = { kind: 'floats', value: [min, max] };
  return { attributes: { activation: activation('Clip'), activation_params: bounds }, outputs };
}

/** Sums a blocked value over places and samples; `rows` holds a sum for each row: [C/B·H, B] → [C]. */
export function sumRows(emitter: Emitter, rows: string, { blocks, height, block, channels }: BlockedMap): string {
  const apart = emitter.view(rows, [blocks, height, block]);
  const attributes = { keepdims: { kind: 'int', value: 0 } as const };
  return emitter.view(emitter.node('ReduceSum', [apart, emitter.integers([1])], { attributes }), [channels]);
}

/** Σ x over places and samples, by channel: an average over each row in the engine's pooling, then a sum of rows. */
export function channelSum(emitter: Emitter, x: string, map: BlockedMap): string {
  const { blocks, height, block, width, batch } = map;
  const average = blockedNode(emitter, 'GlobalAveragePool', [
    emitter.view(x, [blocks * height, block, 1, width * batch]),
  ]);
  return emitter.node('Mul', [sumRows(emitter, average, map), emitter.scalar(width * batch)]);
}

/**
 * Σ x·y over places and samples, by channel: a depthwise convolution whose kernel is as large as its input, one row at
 * a time.
 */
export function channelDot(emitter: Emitter, x: string, y: string, map: BlockedMap): string {
  const { channels, height, width, batch } = map;
  const [groups, length] = [channels * height, width * batch];
  const products = blockedNode(
    emitter,
    'Conv',
    [emitter.view(x, [1, groups, 1, length]), emitter.view(y, [groups, 1, 1, length])],
    { kernel_shape: ints(1, length), group: { kind: 'int', value: groups } },
  );
  return sumRows(emitter, products, map);
}
