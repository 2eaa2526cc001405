import { LeastBitsError } from '../errors.ts';
import { codecBits, type LinkCodecs, parseLinkCodecs } from '../link-codecs.ts';
import { type LeastBits, widthLadder } from './ladder.ts';
import type { Widths } from './plan.ts';

/** What is asked of a run's links: one width for all, or for each one as narrow as it has to be. */
export type CodecWish =
  | { readonly kind: 'fixed'; readonly codecs: LinkCodecs }
  | {
      readonly kind: 'auto';
      readonly least: LeastBits;
      /** Relative error (root mean square) above which a link is made wider. */
      readonly errorBudget: number;
    };

/** The word that leaves the widths to the planner. */
export const AUTO = 'auto';

/**
 * `auto`, or what `parseLinkCodecs` reads; `minBits` as in `4/8` or `4`. Null where nothing is to be encoded.
 * @throws UnknownTensorCodecError, GradientBitsError, LeastBitsError
 */
export function parseCodecWish(text: string, minBits: string, errorBudget: number): CodecWish | null {
  const least = parseLeastBits(minBits);
  if (text === AUTO) return { kind: 'auto', least, errorBudget };
  const codecs = parseLinkCodecs(text);
  return codecs === null ? null : { kind: 'fixed', codecs };
}

function parseLeastBits(text: string): LeastBits {
  const sides = text.split('/').map((side) => (/^\d{1,2}$/.test(side) ? Number(side) : 0));
  const [forward = 0, backward = forward] = sides;
  const isKnown = sides.length <= 2 && sides.every((bits) => (codecBits as readonly number[]).includes(bits));
  if (!isKnown || backward < forward) throw new LeastBitsError(text);
  return { forward, backward };
}

/** At least so many bits over a cut, by what was lost there. */
export type WidthFloors = ReadonlyMap<number, LeastBits>;

/** The widths among which a wish lets links be chosen. */
export function widthsOf(wish: CodecWish, floors: WidthFloors = new Map()): Widths {
  if (wish.kind === 'fixed') return { ladder: [wish.codecs] };
  const ladder = widthLadder(wish.least);
  const raised = new Map([...floors].map(([cut, floor]) => [cut, widthLadder(higher(wish.least, floor))]));
  return { ladder, ladderAt: (cut) => raised.get(cut) ?? ladder };
}

/** The more bits of both, for each direction. */
export function higher(one: LeastBits, other: LeastBits): LeastBits {
  return { forward: Math.max(one.forward, other.forward), backward: Math.max(one.backward, other.backward) };
}
