import { asTheyAre, type LinkCodecs } from '../link-codecs.ts';

/** The narrowest that a link may become, in bits of a value. */
export type LeastBits = { readonly forward: number; readonly backward: number };

/**
 * Widths that are chosen among, the widest first; each is as narrow as the one before or narrower in both directions.
 * Activations are narrowed before gradients, which are never the narrower. 16 bits are not among them: they take
 * more bytes than 8 and more processor time, and 8 lose little. [decision 23]
 */
const rungs: readonly (readonly [forward: number, backward: number])[] = [
  [8, 8],
  [6, 8],
  [5, 8],
  [4, 8],
  [4, 6],
  [4, 4],
  [3, 4],
  [3, 3],
  [2, 3],
  [2, 2],
  [1, 2],
  [1, 1],
];

/** The widest first; all that are no narrower than `least`, and float32. */
export function widthLadder(least: LeastBits): readonly LinkCodecs[] {
  const allowed = rungs.filter(([forward, backward]) => forward >= least.forward && backward >= least.backward);
  return [
    asTheyAre,
    ...allowed.map(([forward, backward]) => ({ forward: { bits: forward }, backward: { bits: backward } })),
  ];
}

/** Of a value, both directions together: what tells the wider of two. */
export function bitsOf({ forward, backward }: LinkCodecs): number {
  return forward.bits + backward.bits;
}
