import { LinkObservationError } from './errors.ts';

/** What the planner knows of the way from one board to another. The way back is another link. */
export type LinkModel = {
  readonly bytesPerSecond: number;
  readonly latencySeconds: number;
  /** Bytes on the wire for a byte of tensor: below 1 where a codec compresses. 1 where absent. */
  readonly bytesRatio?: number;
  /** Encoding and decoding together, for a byte of tensor. 0 where absent. */
  readonly codecSecondsPerByte?: number;
};

/** The link of each ordered pair of boards, by their ids. */
export type Links = {
  readonly between: (from: string, to: string) => LinkModel;
  /** Where every pair has the same link, that one: it spares the planner asking for each. */
  readonly everywhere?: LinkModel;
};

/** What a wired home network gives: 100 MB/s and 0.2 ms. Stands in until transfers have been seen. */
export const nominalLink: LinkModel = { bytesPerSecond: 100e6, latencySeconds: 2e-4 };

/** The same link everywhere. */
export function uniformLinks(link: LinkModel = nominalLink): Links {
  return { between: () => link, everywhere: link };
}

/** The same links when only so many bytes go over them for a byte of tensor. */
export function withBytesRatio({ between, everywhere }: Links, bytesRatio: number): Links {
  const known = new Map<LinkModel, LinkModel>();
  const encoded = (link: LinkModel): LinkModel => {
    const before = known.get(link) ?? { ...link, bytesRatio };
    known.set(link, before);
    return before;
  };
  return {
    between: (from, to) => encoded(between(from, to)),
    ...(everywhere && { everywhere: encoded(everywhere) }),
  };
}

/** Seconds that a byte of tensor keeps the link busy: on the wire, encoded and decoded. */
export function secondsPerByte(link: LinkModel): number {
  const { bytesPerSecond, bytesRatio = 1, codecSecondsPerByte = 0 } = link;
  return bytesRatio / bytesPerSecond + codecSecondsPerByte;
}

/** For how long a tensor keeps the link from taking the next one. */
export function occupancySeconds(link: LinkModel, bytes: number): number {
  return bytes * secondsPerByte(link);
}

/** From the call of send to the tensor in the receiver's hands, on a link that is free. */
export function transferSeconds(link: LinkModel, bytes: number): number {
  return link.latencySeconds + occupancySeconds(link, bytes);
}

/** A transfer that really took place: what left the sender, and when the receiver had it. */
export type Transfer = { readonly bytes: number; readonly seconds: number };

/**
 * A link as its transfers have shown it. Seconds are taken to be latency + bytes ÷ rate; both come from a regression of
 * seconds on bytes in which a transfer's weight fades with each later one.
 */
export type LinkEstimate = {
  readonly model: LinkModel;
  /** Fading sums over the transfers: weight, bytes, seconds, bytes², bytes · seconds. */
  readonly sums: readonly [weight: number, bytes: number, seconds: number, squares: number, products: number];
  /** Fading mean of (seen - expected)², in seconds². */
  readonly variance: number;
  /** Transfers learned from, and those refused as absurd. */
  readonly observed: number;
  readonly refused: number;
};

/** The newest transfer counts this much beside all before it: about the last twenty matter. */
const NEWEST_SHARE = 0.05;
/** How much the first guess weighs, in transfers. */
const PRIOR_WEIGHT = 0.5;
/** A transfer this many times slower or faster than expected is a clock that jumped, not a network. */
const MOST_TIMES_OFF = 100;

/** An estimate that knows only a first guess. */
export function linkEstimate(model: LinkModel = nominalLink): LinkEstimate {
  return { model, sums: priorSums(model), variance: 0, observed: 0, refused: 0 };
}

/** The first guess as two transfers that agree with it, of 1 kB and 1 MB. */
function priorSums(model: LinkModel): LinkEstimate['sums'] {
  let sums: LinkEstimate['sums'] = [0, 0, 0, 0, 0];
  for (const bytes of [1e3, 1e6]) {
    sums = added(sums, PRIOR_WEIGHT, bytes, model.latencySeconds + bytes / model.bytesPerSecond, 1);
  }
  return sums;
}

/**
 * The estimate after one more transfer, of bytes as they were on the wire. Pure. One whose seconds are a hundred times
 * off what is expected is counted as refused and changes nothing else.
 * @throws LinkObservationError for numbers that no transfer has
 */
export function observeTransfer(estimate: LinkEstimate, { bytes, seconds }: Transfer): LinkEstimate {
  if (!(Number.isFinite(bytes) && bytes > 0)) throw new LinkObservationError('bytes', bytes);
  if (!(Number.isFinite(seconds) && seconds > 0)) throw new LinkObservationError('seconds', seconds);
  const expected = estimate.model.latencySeconds + bytes / estimate.model.bytesPerSecond;
  const off = seconds / expected;
  // The first few may be far from the first guess: what the network is like is not known yet.
  if (estimate.observed >= 3 && (off > MOST_TIMES_OFF || off < 1 / MOST_TIMES_OFF)) {
    return { ...estimate, refused: estimate.refused + 1 };
  }
  const sums = added(estimate.sums, 1, bytes, seconds, 1 - NEWEST_SHARE);
  const observed = estimate.observed + 1;
  const share = Math.max(NEWEST_SHARE, 1 / observed);
  const variance = (1 - share) * estimate.variance + share * (seconds - expected) ** 2;
  return { ...estimate, sums, variance, observed, model: { ...estimate.model, ...fit(sums, estimate.model) } };
}

/** Standard deviation of a transfer's seconds around what the model says. */
export function linkSpread({ variance }: LinkEstimate): number {
  return Math.sqrt(variance);
}

function added(
  [weight, bytes, seconds, squares, products]: LinkEstimate['sums'],
  share: number,
  newBytes: number,
  newSeconds: number,
  keep: number,
): LinkEstimate['sums'] {
  return [
    keep * weight + share,
    keep * bytes + share * newBytes,
    keep * seconds + share * newSeconds,
    keep * squares + share * newBytes * newBytes,
    keep * products + share * newBytes * newSeconds,
  ];
}

/**
 * The line through the weighted transfers. Where all are of one size it cannot tell latency from rate, and where noise
 * would make one of the two negative it gives way to the plain mean: latency as it was (at most half of the mean), the
 * rest is rate.
 */
function fit(
  [weight, bytes, seconds, squares, products]: LinkEstimate['sums'],
  before: LinkModel,
): Pick<LinkModel, 'bytesPerSecond' | 'latencySeconds'> {
  const spread = weight * squares - bytes * bytes;
  const slope = (weight * products - bytes * seconds) / spread;
  const latency = (seconds - slope * bytes) / weight;
  if (spread > 1e-6 * weight * squares && slope > 0 && latency >= 0) {
    return { bytesPerSecond: 1 / slope, latencySeconds: latency };
  }
  const latencySeconds = Math.min(before.latencySeconds, (0.5 * seconds) / weight);
  return { bytesPerSecond: bytes / (seconds - weight * latencySeconds), latencySeconds };
}
