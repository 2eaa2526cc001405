import type { Block } from '../../models/index.ts';
import { median, spread } from '../statistics.ts';
import { type MeasuredModel, stageTimes } from './stage-times.ts';

const rounds = 5;

/**
 * What packing costs: forward and backward of the two stages on both sides of the double cut nearest to the middle, ÷
 * the same for the single cut before it, less 1. Both are measured in turn, so that the machine's mood falls on both.
 */
export async function packingCost(measured: MeasuredModel, blocks: readonly Block[]) {
  const crossing = blocks.map(({ entering }) => entering.length);
  const middle = blocks.length >> 1;
  const fine = nearest(middle, (block) => crossing[block]! > 1, blocks.length);
  const coarse = crossing.lastIndexOf(1, fine);
  if (fine < 0 || coarse < 1) return undefined;
  const both = async (end: number) => {
    const first = await stageTimes(measured, { cuts: 'double', firstBlock: 0, lastBlock: end - 1 });
    const second = await stageTimes(measured, { cuts: 'double', firstBlock: end, lastBlock: blocks.length - 1 });
    return first.forward + first.backward + second.forward + second.backward;
  };
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) costs.push((await both(fine)) / (await both(coarse)) - 1);
  return {
    cutBefore: blocks[fine]!.name,
    insteadOf: blocks[coarse]!.name,
    median: median(costs),
    spread: spread(costs),
  };
}

function nearest(middle: number, fits: (block: number) => boolean, count: number): number {
  const byDistance = Array.from({ length: count }, (_, block) => block).sort(
    (a, b) => Math.abs(a - middle) - Math.abs(b - middle),
  );
  return byDistance.find(fits) ?? -1;
}
