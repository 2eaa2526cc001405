import { asTheyAre, type LinkCodecs } from '../link-codecs.ts';
import { definePartition, type PartitionRequest, stepSeconds } from '../partition/index.ts';
import { encodedAlong, type Holding } from './encoded.ts';
import { bitsOf } from './ladder.ts';

/** A step may take this much longer than with the fastest widths, for wider links. */
export const WIDTH_SLACK = 0.01;
const MOST_ROUNDS = 4;

/** Widths of a pipeline's links. */
export type ChosenWidths = {
  readonly codecs: readonly LinkCodecs[];
  /** Of a step with these. */
  readonly seconds: number;
  /** Of a step with those widths that make it the shortest. */
  readonly fastestSeconds: number;
};

/** The widths that a link may have by the cut that it is at, the widest first; at least one. */
export type LadderAt = (cut: number) => readonly LinkCodecs[];

/** For each link a place on its ladder. */
type Places = readonly number[];

/**
 * The widest links with which a step takes no more than `WIDTH_SLACK` longer than with the best widths there are. The
 * narrowest link is widened first. `request` is that of tensors as they are.
 */
export function chooseWidths(
  request: PartitionRequest,
  holdings: readonly Holding[],
  ladderAt: LadderAt,
): ChosenWidths {
  const ladders = holdings.slice(0, -1).map(({ end }) => ladderAt(end));
  const secondsOf = stepByPlaces(request, holdings, ladders);
  const narrowest = ladders.map((ladder) => ladder.length - 1);
  const widest = ladders.map(() => 0);
  const [one, other] = [narrowest, widest].map((start) => fastest(ladders, start, secondsOf)) as [Places, Places];
  const fast = secondsOf(other) <= secondsOf(one) ? other : one;
  const fastestSeconds = secondsOf(fast);
  const chosen = widened(ladders, fast, (places) => secondsOf(places) <= (1 + WIDTH_SLACK) * fastestSeconds);
  return { codecs: codecsOf(ladders, chosen), seconds: secondsOf(chosen), fastestSeconds };
}

/** How long a step takes with these widths. */
export function stepWithWidths(
  request: PartitionRequest,
  holdings: readonly Holding[],
  codecs: readonly LinkCodecs[],
): number {
  // Only the boards at work: a fleet may have many more.
  const boards = holdings.map(({ board }) => request.boards.find(({ id }) => id === board)!);
  const { first: _, ...asked } = request;
  const encoded = encodedAlong({ ...asked, boards, order: 'any' }, holdings, codecs, asTheyAre);
  const assignment = holdings.map(({ first, end }, board) => ({ board, first, end }));
  return stepSeconds(definePartition(encoded), assignment);
}

function stepByPlaces(
  request: PartitionRequest,
  holdings: readonly Holding[],
  ladders: readonly (readonly LinkCodecs[])[],
): (places: Places) => number {
  const known = new Map<string, number>();
  return (places) => {
    const key = places.join();
    const seconds = known.get(key) ?? stepWithWidths(request, holdings, codecsOf(ladders, places));
    known.set(key, seconds);
    return seconds;
  };
}

function codecsOf(ladders: readonly (readonly LinkCodecs[])[], places: Places): readonly LinkCodecs[] {
  return places.map((place, link) => ladders[link]![place]!);
}

/** Takes for one link after another the width that makes the step the shortest, until none gets it shorter. */
function fastest(
  ladders: readonly (readonly LinkCodecs[])[],
  start: Places,
  secondsOf: (places: Places) => number,
): Places {
  let best = start;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const before = best;
    for (const [link, ladder] of ladders.entries()) {
      for (const place of ladder.keys()) {
        const next = best.with(link, place);
        if (secondsOf(next) < secondsOf(best)) best = next;
      }
    }
    if (best === before) break;
  }
  return best;
}

/** Widens the narrowest link that can be widened, again and again. */
function widened(
  ladders: readonly (readonly LinkCodecs[])[],
  start: Places,
  isAllowed: (places: Places) => boolean,
): Places {
  const bits = (places: Places, link: number) => bitsOf(ladders[link]![places[link]!]!);
  let now = start;
  for (;;) {
    const before: Places = now;
    const order = [...before.keys()].sort((a, b) => bits(before, a) - bits(before, b));
    const next = order.map((link) => wider(before, link).find(isAllowed)).find((found) => found !== undefined);
    if (next === undefined) return before;
    now = next;
  }
}

function wider(now: Places, link: number): readonly Places[] {
  return Array.from({ length: now[link]! }, (_, below) => now.with(link, now[link]! - 1 - below));
}
