import { boundConstants, completionBound, leastLinks, type Rest } from './bound.ts';
import type { PartitionProblem } from './problem.ts';
import { workMeasure } from './tables.ts';

/** Boards up to which the links of every pair are looked at. */
const MOST_FOR_LINKS = 256;
const HALVINGS = 30;
const ROUNDS = 12;

/**
 * No assignment has a shorter step than this, whatever boards and blocks are chosen: blocks are taken to be divisible,
 * memory to be plenty, and links to be the fastest there is at the smallest cut. `known` is a step that some assignment has.
 */
export function relaxedBound(problem: PartitionProblem, known: number): number {
  const { boards, times, blocks, model, microBatches, useAll } = problem;
  const { work, slowness } = workMeasure(times, blocks.length);
  const calls = Math.min(...boards.map(({ callSeconds }) => callSeconds));
  const rest: Rest = {
    end: blocks.length,
    slowness: slowness.toSorted(),
    count: boards.length,
    position: 0,
    roundTrip: 0,
    makespan: 0,
    linkRoundTrip: 0,
    furtherRoundTrip: 0,
    furtherLinks: 0,
    useAll,
    isRough: false,
  };
  // The loss stage may do both of its passes in one call.
  const constants = { ...boundConstants(model, boards.length, calls, microBatches), calls, rounds: ROUNDS };
  const link = leastLink(problem);
  const cutBytes = Float64Array.from(blocks, (_, b) => (b === 0 ? 0 : blocks[b - 1]!.outputBytes));
  rest.furtherRoundTrip = boards.length < 2 ? 0 : link.latency + link.perByte * Math.min(...cutBytes.subarray(1));
  const reaches = (below: number) => {
    const most = (below / microBatches - calls) / Math.max(Number.MIN_VALUE, rest.slowness[0]!) / (1 - 1e-12);
    rest.furtherLinks = leastLinks(work, cutBytes, most, link)[blocks.length]!;
    return completionBound(rest, below, work, constants) < below;
  };
  let high = known;
  let low = 0;
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = (low + high) / 2;
    if (reaches(middle)) high = middle;
    else low = middle;
  }
  return low;
}

/** The shortest latency and the fastest rate, there and back together, of any pair. */
function leastLink({ boards, linkCost, linksAreUniform }: PartitionProblem) {
  const least = { latency: Number.POSITIVE_INFINITY, perByte: Number.POSITIVE_INFINITY };
  if (boards.length < 2 || (boards.length > MOST_FOR_LINKS && !linksAreUniform)) return { latency: 0, perByte: 0 };
  const count = linksAreUniform ? 2 : boards.length;
  for (let from = 0; from < count; from++) {
    for (let to = from + 1; to < count; to++) {
      const there = linkCost(from, to);
      const back = linkCost(to, from);
      least.latency = Math.min(least.latency, there.latency + back.latency);
      least.perByte = Math.min(least.perByte, there.perByte + back.perByte);
    }
  }
  return least;
}
