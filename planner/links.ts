import { LinkObservationError } from './errors.ts';

/** What the planner knows of the way from one board to another. The way back is another link. */
export type LinkModel = {
  readonly bytesPerSecond: number;
  readonly latencySeconds: number;
  /** Bytes on the wire for a byte of tensor: below 1 where a codec compresses. 1 where absent. */
  readonly bytesRatio?: number;
  /** Encoding and decoding together, for a byte of tensor. 0 where absent. */
  readonly codecSecondsPerByte?: number;
  /** What the sender's wire takes of all its links together. Absent: links of one board do not disturb each other. */
  readonly senderBytesPerSecond?: number;
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

/** What a codec does to a link: bytes on the wire, and seconds of encoding and decoding, for a byte of tensor. */
export type Encoding = { readonly bytesRatio: number; readonly codecSecondsPerByte: number };

/** The same links when tensors go over them encoded: all alike, or each in its way. */
export function encodedLinks(
  { between, everywhere }: Links,
  encoding: Encoding | ((from: string, to: string) => Encoding),
): Links {
  if (typeof encoding === 'object' && everywhere !== undefined) return uniformLinks(encoded(everywhere, encoding));
  const encodingOf = typeof encoding === 'object' ? () => encoding : encoding;
  return linksFrom((from, to) => encoded(between(from, to), encodingOf(from, to)));
}

/** Asks once for each pair, so that a link is the same object each time: the partition looks at each object once. */
export function linksFrom(between: Links['between']): Links {
  const known = new Map<string, LinkModel>();
  return {
    between(from, to) {
      const pair = `${from}>${to}`;
      const link = known.get(pair) ?? between(from, to);
      known.set(pair, link);
      return link;
    },
  };
}

/**
 * Links by `FROM>TO`, and `usual` for other pairs, where all that a board sends goes over its one wire; `wireOf` tells its
 * rate from that of the fastest link that is known away from it.
 */
export function linksOverWires(
  known: ReadonlyMap<string, LinkModel>,
  usual: LinkModel,
  wireOf: (fastest: number | undefined) => number,
): Links {
  const fastest = fastestBySender(known);
  return linksFrom((from, to) => ({
    ...(known.get(`${from}>${to}`) ?? usual),
    senderBytesPerSecond: wireOf(fastest.get(from)),
  }));
}

function fastestBySender(links: ReadonlyMap<string, LinkModel>): ReadonlyMap<string, number> {
  const fastest = new Map<string, number>();
  for (const [pair, { bytesPerSecond }] of links) {
    const from = pair.slice(0, pair.indexOf('>'));
    fastest.set(from, Math.max(bytesPerSecond, fastest.get(from) ?? 0));
  }
  return fastest;
}

function encoded(link: LinkModel, { bytesRatio, codecSecondsPerByte }: Encoding): LinkModel {
  return {
    ...link,
    bytesRatio: bytesRatio * (link.bytesRatio ?? 1),
    codecSecondsPerByte: codecSecondsPerByte + (link.codecSecondsPerByte ?? 0),
  };
}

/** Seconds that a byte of tensor keeps the link busy: on the wire, encoded and decoded. */
export function secondsPerByte(link: LinkModel): number {
  const { bytesPerSecond, bytesRatio = 1, codecSecondsPerByte = 0 } = link;
  return bytesRatio / bytesPerSecond + codecSecondsPerByte;
}

/** Seconds that a byte of tensor keeps the sender's wire from taking another of any of its links. */
export function wireSecondsPerByte({ bytesRatio = 1, senderBytesPerSecond }: LinkModel): number {
  return senderBytesPerSecond === undefined ? 0 : bytesRatio / senderBytesPerSecond;
}

/** For how long a tensor keeps the link from taking the next one. */
export function occupancySeconds(link: LinkModel, bytes: number): number {
  return bytes * secondsPerByte(link);
}

/** From the call of send to the tensor in the receiver's hands, on a link that is free. */
export function transferSeconds(link: LinkModel, bytes: number): number {
  return link.latencySeconds + occupancySeconds(link, bytes);
}

/** What one step put on a link: bytes on the wire, in so many tensors, and how long any of them was on its way. */
export type LinkLoad = { readonly bytes: number; readonly tensors: number; readonly busySeconds: number };

/** A link counts as slower or faster than it was measured where it is off by more than this: less is within what is known. */
const TIMES_OFF = 1.5;
/** Of shorter tensors the time is mostly not the wire's. */
const LEAST_TENSOR_BYTES = 32_768;

/**
 * A link after it has carried these loads, of which the one that went fastest counts: the others may have waited for
 * something else than the wire. Tensors may have overlapped or not, so it is the same link as before as long as the time
 * could be either.
 */
export function linkUnderLoad(model: LinkModel, loads: readonly LinkLoad[]): LinkModel {
  const told = loads.filter(
    ({ bytes, tensors, busySeconds }) => busySeconds > 0 && bytes >= LEAST_TENSOR_BYTES * tensors,
  );
  const [fastest] = told.toSorted((a, b) => a.busySeconds / a.bytes - b.busySeconds / b.bytes);
  if (fastest === undefined) return model;
  const { bytes, tensors, busySeconds } = fastest;
  const onTheWire = bytes / model.bytesPerSecond;
  const waits = 2 * tensors * model.latencySeconds;
  if (busySeconds > TIMES_OFF * (onTheWire + waits)) return { ...model, bytesPerSecond: bytes / (busySeconds - waits) };
  return busySeconds < onTheWire / TIMES_OFF ? { ...model, bytesPerSecond: bytes / busySeconds } : model;
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
