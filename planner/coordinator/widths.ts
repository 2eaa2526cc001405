import {
  bitsOf,
  type CodecWish,
  chooseWidths,
  codecBits,
  formatWidth,
  higher,
  holdingsOf,
  type LeastBits,
  type LinkCodecs,
  type Plan,
  PlannerError,
  stepWithWidths,
  WIDTH_SLACK,
  type WidthFloors,
  widthLadder,
  widthsOf,
} from '../index.ts';
import type { Action } from './actions.ts';
import { isSteady } from './moving.ts';
import { boardsThere, knowledgeOf, partitionRequest } from './planning.ts';
import { type FleetState, onlineBoards, type RunState, stepsDone } from './state.ts';

/** A link whose width changes, in words. */
export type WidthChange = {
  readonly from: string;
  readonly to: string;
  readonly before: string;
  readonly after: string;
};

/** Steps with a width before what it loses is believed. */
const STEPS_TO_SEE = 3;
/** Between two looks for better widths. */
const STEPS_BETWEEN_LOOKS = 10;
/** Narrower links have to make a step this much shorter: less is within what is known of it. */
const LEAST_GAIN = 0.05;

const RAW_BITS = 32;

type Auto = Extract<CodecWish, { kind: 'auto' }>;
type Encoding = { readonly wish: Auto; readonly plan: Plan; readonly codecs: NonNullable<Plan['codecs']> };

/** What there is to change while a run trains; undefined where its widths are not the planner's to choose. */
function encodingOf(run: RunState): Encoding | undefined {
  const { stopRequested, plan, request } = run;
  const { codecs: wish } = request.settings;
  if (!isSteady(run) || stopRequested) return undefined;
  if (wish?.kind !== 'auto' || plan?.codecs === undefined) return undefined;
  return { wish, plan, codecs: plan.codecs };
}

/** A link that loses more than may be lost is made wider, and stays so over this cut. */
export function isLinkTooLossy(run: RunState): readonly Action[] {
  const encoding = encodingOf(run);
  if (encoding === undefined) return [];
  const { plan, codecs, wish } = encoding;
  const floors = new Map<number, LeastBits>();
  const reasons: string[] = [];
  const links = codecs.links.map((link, index): LinkCodecs => {
    const [one, next] = [plan.stages[index]!, plan.stages[index + 1]!];
    const loses = (from: string, to: string, bits: number): boolean => {
      const error = bits === RAW_BITS ? undefined : meanError(run, from, to);
      if (error === undefined || error <= wish.errorBudget) return false;
      reasons.push(`${from} → ${to} loses ${error.toFixed(3)}, and ${wish.errorBudget} is the most`);
      return true;
    };
    const forward = loses(one.board, next.board, link.forward.bits);
    const backward = loses(next.board, one.board, link.backward.bits);
    if (!forward && !backward) return link;
    const cut = one.lastBlock + 1;
    const floor = higher(widerBits(link, forward, backward), wish.least);
    floors.set(cut, floor);
    return widthLadder(floor).at(-1)!;
  });
  return floors.size === 0 ? [] : [encode(encoding, links, floors, reasons.join('; '))];
}

/** Root mean square of the latest steps; undefined until there are enough of them. */
function meanError({ links }: RunState, from: string, to: string): number | undefined {
  const errors = links.get(`${from}>${to}`)?.errors ?? [];
  if (errors.length < STEPS_TO_SEE) return undefined;
  return Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length);
}

/** The next bits that planes have, or float32; gradients are never the narrower. */
function widerBits({ forward, backward }: LinkCodecs, there: boolean, back: boolean): LeastBits {
  const next = (bits: number) => codecBits.find((more) => more > bits && more !== 16) ?? bits;
  const activations = there ? next(forward.bits) : forward.bits;
  return { forward: activations, backward: Math.max(activations, back ? next(backward.bits) : backward.bits) };
}

/** Whether links have become slower or faster: narrower where a step gets shorter by it, wider where it gets no longer. */
export function areWidthsRight(run: RunState, _now: number, state: FleetState): readonly Action[] {
  const encoding = encodingOf(run);
  const step = stepsDone(run);
  if (encoding === undefined || step - run.widthsAt < STEPS_BETWEEN_LOOKS) return [];
  const found = bestWidths(run, encoding, state);
  if (found === undefined) return [];
  const { links, stepSeconds, bestStepSeconds } = found;
  const look = { kind: 'weigh-widths', step, stepSeconds, bestStepSeconds } as const;
  const isShorter = bestStepSeconds < (1 - LEAST_GAIN) * stepSeconds;
  const isWider = sumOfBits(links) > sumOfBits(encoding.codecs.links);
  const isAsShort = bestStepSeconds <= (1 + WIDTH_SLACK) * stepSeconds;
  if (!isShorter && !(isWider && isAsShort)) return [look];
  const reason = isShorter
    ? `a step gets ${Math.round(100 * (1 - bestStepSeconds / stepSeconds))} % shorter`
    : 'a step gets no longer';
  return [look, encode(encoding, links, new Map(), reason)];
}

function bestWidths(run: RunState, { plan, wish, codecs }: Encoding, state: FleetState) {
  const boards = boardsThere(run.request.settings.boards, onlineBoards(state));
  const holdings = holdingsOf(plan.stages);
  if (!holdings.every(({ board }) => boards.some(({ id }) => id === board))) return undefined;
  try {
    const request = partitionRequest(run.request, boards, knowledgeOf(run), plan.schedule);
    const { ladder, ladderAt = () => ladder } = widthsOf(wish, run.widthFloors);
    const chosen = chooseWidths(request, holdings, ladderAt);
    const stepSeconds = stepWithWidths(request, holdings, codecs.links);
    return { links: chosen.codecs, stepSeconds, bestStepSeconds: chosen.seconds };
  } catch (error) {
    if (error instanceof PlannerError) return undefined;
    throw error;
  }
}

function sumOfBits(links: readonly LinkCodecs[]): number {
  return links.reduce((sum, link) => sum + bitsOf(link), 0);
}

function encode(
  { plan, codecs }: Encoding,
  links: readonly LinkCodecs[],
  floors: WidthFloors,
  reason: string,
): Extract<Action, { kind: 'encode' }> {
  const changes = links.flatMap((link, index): readonly WidthChange[] => {
    const [before, after] = [codecs.links[index]!, link].map(formatWidth) as [string, string];
    const [from, to] = [plan.stages[index]!.board, plan.stages[index + 1]!.board];
    return before === after ? [] : [{ from, to, before, after }];
  });
  return { kind: 'encode', codecs: { ...codecs, links }, floors, changes, reason };
}
