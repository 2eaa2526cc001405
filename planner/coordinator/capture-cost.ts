import { elementCount } from '../../models/index.ts';
import { linksBetween, nominalLink } from '../index.ts';
import type { RunState } from './state.ts';

/** What captures of state cost the training, as its steps show it. */
export type CaptureCost = {
  /** Of a step with no capture under way: a mean in which old steps fade. */
  readonly calmSeconds: number | undefined;
  /** The capture whose cost the next step will tell: since when, and the steps done then. */
  readonly latest: { readonly since: number; readonly step: number; readonly isHeld: boolean } | undefined;
  /** When the last began. */
  readonly begunAt: number | undefined;
  /** Seconds of training that one takes: a mean in which old ones fade; undefined before the first. */
  readonly seconds: number | undefined;
};

export const noCaptures: CaptureCost = {
  calmSeconds: undefined,
  latest: undefined,
  begunAt: undefined,
  seconds: undefined,
};

const NEWEST_STEP = 0.3;
const NEWEST_CAPTURE = 0.5;

/**
 * After one more step of all stages. A capture has cost what the steps since it began took longer than as many calm ones;
 * it is told by the first step that ends after its state is held.
 */
export function costAfterStep(before: RunState, step: number, at: number): CaptureCost {
  const { captureCost: cost, capture, lastStepAt, request } = before;
  const { latest, calmSeconds } = cost;
  if (capture !== undefined && step === capture.step) {
    return { ...cost, begunAt: at, latest: { since: at, step, isHeld: false } };
  }
  if (latest?.isHeld) {
    if (calmSeconds === undefined) return { ...cost, latest: undefined };
    const lost = Math.max(0, at - latest.since - (step - latest.step) * calmSeconds);
    return { ...cost, latest: undefined, seconds: mean(cost.seconds, lost, NEWEST_CAPTURE) };
  }
  // The first of a term finds cold programs.
  const isFirst = step <= request.settings.fromStep + 1;
  if (latest !== undefined || isFirst) return cost;
  return { ...cost, calmSeconds: mean(calmSeconds, at - lastStepAt, NEWEST_STEP) };
}

/** Under another plan steps take another time, and a capture that was under way ends with its term. */
export function costInNewTerm({ captureCost }: RunState): CaptureCost {
  return { ...captureCost, calmSeconds: undefined, latest: undefined };
}

/** The state of the capture under way is held. */
export function costWhenHeld({ captureCost: cost }: RunState): CaptureCost {
  return { ...cost, ...(cost.latest && { latest: { ...cost.latest, isHeld: true } }) };
}

/**
 * What the next capture is expected to cost. Before the first it is what the state takes on the wire of the board that has
 * most to send for its link: as its best link was surveyed, or a nominal one where none was.
 */
export function expectedCost({ captureCost, survey, stages, request }: RunState): number {
  if (captureCost.seconds !== undefined) return captureCost.seconds;
  const { between } = linksBetween(survey.surveys);
  const seconds = stages.map(({ board, firstBlock, lastBlock }) => {
    const others = survey.surveys.get(board)?.links ?? [];
    const rates = others.map(({ to }) => between(board, to).bytesPerSecond);
    const tensors = request.layout.slice(firstBlock, lastBlock + 1).flat();
    const bytes = tensors.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
    return bytes / (rates.length === 0 ? nominalLink.bytesPerSecond : Math.max(...rates));
  });
  return Math.max(0, ...seconds);
}

function mean(before: number | undefined, newest: number, share: number): number {
  return before === undefined ? newest : before + share * (newest - before);
}
