import type { StepModel } from './step-model.ts';

/** Bounds are lowered by this share, so that rounding never makes one of them too high. */
const ROUNDING = 1 - 1e-12;
const ROUNDS = 2;

/** What is left to do in front of some stages: blocks 0 to `end - 1` on some of `count` boards, the fastest first. */
export type Rest = {
  end: number;
  /** Filled up to `count`. */
  readonly slowness: Float64Array;
  count: number;
  /** Stages that there are already. */
  position: number;
  roundTrip: number;
  makespan: number;
  /** Least round trip of the link in front of these stages, of any link further to the front, and of all of those. */
  linkRoundTrip: number;
  furtherRoundTrip: number;
  furtherLinks: number;
  /** Every one of the boards has to be used. */
  useAll: boolean;
  /** An estimate will do: no longer a bound, but soon there. */
  isRough: boolean;
};

export type BoundConstants = {
  /** Of a stage's forward and backward: no stage is without its two calls. */
  readonly calls: number;
  readonly update: number;
  readonly microBatches: number;
  /** 1 ÷ `repeats` of the step model, by position. */
  readonly perRepeat: Float64Array;
  /** The more, the nearer: the sum of the stages' seconds becomes known better, and with it what each may take. */
  readonly rounds: number;
};

/** Constants for pipelines of at most so many stages; `callSeconds` is the least of any board. */
export function boundConstants(
  model: StepModel,
  stages: number,
  callSeconds: number,
  microBatches: number,
): BoundConstants {
  // One micro-batch is repeated no times: nothing follows from the longest stage then.
  const perRepeat = Float64Array.from({ length: stages }, (_, position) => 1 / Math.max(1e-9, model.repeats(position)));
  return { calls: 2 * callSeconds, update: callSeconds, microBatches, perRepeat, rounds: ROUNDS };
}

/**
 * No way of placing the rest makes the step shorter than this, or than `below`. Blocks are taken to be divisible, and
 * the m boards at work the m fastest. The step is at least
 *
 *     makespan so far + seconds of all new stages and links for one micro-batch,
 *
 * and no new stage may take so long that the step reaches `below` (`repeats` of the step model), so that the fastest
 * boards cannot do it all. Infinity where not even all boards together could.
 */
export function completionBound(rest: Rest, below: number, work: Float64Array, constants: BoundConstants): number {
  const { end, count, slowness, linkRoundTrip, furtherRoundTrip, furtherLinks, isRough } = rest;
  const limit = below - constants.update;
  const most = Math.min(count, end);
  if (most === 0 || (rest.useAll && count > end)) return Number.POSITIVE_INFINITY;
  const need = work[end]!;
  const base = rest.makespan + linkRoundTrip;
  const fastest = need * slowness[0]!;
  let least = Number.POSITIVE_INFINITY;
  for (let m = rest.useAll ? count : 1; m <= most; m += isRough ? 1 + (m >> 2) : 1) {
    const fixed = Math.max(furtherLinks, (m - 1) * furtherRoundTrip) + m * constants.calls;
    if (fixed + fastest >= least || base + fixed + fastest >= limit) break;
    const seconds = leastSeconds(rest, m, limit, need, fixed, constants);
    if (seconds < least) least = seconds;
    if (isRough && least < Number.POSITIVE_INFINITY) break;
  }
  return (base + least + constants.update) * ROUNDING;
}

/** Seconds for one micro-batch of m new stages and their links; Infinity where they cannot hold the blocks. */
function leastSeconds(
  rest: Rest,
  m: number,
  limit: number,
  need: number,
  fixed: number,
  { calls, microBatches, perRepeat, rounds }: BoundConstants,
): number {
  const { slowness, position, roundTrip, linkRoundTrip, makespan } = rest;
  const longest = limit / microBatches;
  let seconds = fixed + need * slowness[0]!;
  for (let round = 0; round < rounds; round++) {
    const room = limit - roundTrip - linkRoundTrip - seconds;
    let left = need;
    let sum = fixed;
    for (let i = 0; i < m; i++) {
      // The largest allowance is at the front, for the fastest board.
      const allowed = Math.min(longest, room * perRepeat[position + m - 1 - i]!) - calls;
      const wanted = left * slowness[i]!;
      if (wanted <= allowed) {
        sum += wanted;
        left = 0;
        break;
      }
      if (allowed > 0) {
        sum += allowed;
        left -= allowed / slowness[i]!;
      }
    }
    if (left > 1e-12 * need) return Number.POSITIVE_INFINITY;
    if (sum <= seconds * (1 + 1e-4)) return Math.max(sum, seconds);
    seconds = sum;
    if (makespan + linkRoundTrip + seconds >= limit) return Number.POSITIVE_INFINITY;
  }
  return seconds;
}

/** The most work that the rest can take without the step reaching `below`, whatever the blocks. */
export function mostWork(
  rest: Rest,
  below: number,
  { calls, update, microBatches, perRepeat }: BoundConstants,
): number {
  const { slowness, count, position, roundTrip, linkRoundTrip, makespan } = rest;
  const limit = below - update;
  const longest = limit / microBatches;
  const room = limit - roundTrip - linkRoundTrip;
  let budget = limit - makespan - linkRoundTrip;
  let most = 0;
  for (let i = 0; i < count && budget > 0; i++) {
    const allowed = Math.min(longest, room * perRepeat[position + count - 1 - i]!) - calls;
    const seconds = Math.min(allowed, budget);
    if (seconds <= 0) continue;
    most += seconds / Math.max(1e-300, slowness[i]!);
    budget -= seconds;
  }
  return most / ROUNDING;
}

/**
 * Least round trips of the links in front of block b, for each b: no stage holds more than `mostWork`, so that there is
 * a cut at least every so often, and cuts where few bytes cross are not everywhere.
 */
export function leastLinks(
  work: Float64Array,
  cutBytes: Float64Array,
  mostWork: number,
  link: { readonly latency: number; readonly perByte: number },
): Float64Array {
  const least = new Float64Array(work.length);
  for (let end = 1; end < work.length; end++) {
    if (work[end]! <= mostWork) continue;
    let smallest = Number.POSITIVE_INFINITY;
    for (let cut = end - 1; cut > 0 && work[end]! - work[cut]! <= mostWork; cut--) {
      smallest = Math.min(smallest, least[cut]! + link.latency + link.perByte * cutBytes[cut]!);
    }
    // A block that is longer than that alone makes the limit unreachable; that is for the caller to find out.
    least[end] = Number.isFinite(smallest) ? smallest : least[end - 1]!;
  }
  return least;
}
