import { elementCount } from '../../models/index.ts';
import { linksBetween, nominalLink, replicaStage } from '../index.ts';
import type { RunState } from './state.ts';

/** Where state goes: to the hub, or to the stages beside. */
export const destinations = ['hub', 'neighbours'] as const;
export type Destination = (typeof destinations)[number];

/** What sending state to one destination costs the training, as its steps show it. */
export type CaptureCost = {
  /** Of a step with no state under way: a mean in which old steps fade. */
  readonly calmSeconds: number | undefined;
  /** The capture whose cost the next step will tell: since when, and the steps done then. `mixed`: another was beside it. */
  readonly latest:
    | { readonly since: number; readonly step: number; readonly isHeld: boolean; readonly isMixed: boolean }
    | undefined;
  /** When the last began. */
  readonly begunAt: number | undefined;
  /** Seconds of training that one takes: a mean in which old ones fade; undefined before the first. */
  readonly seconds: number | undefined;
};
export type CaptureCosts = Readonly<Record<Destination, CaptureCost>>;

const unknown: CaptureCost = {
  calmSeconds: undefined,
  latest: undefined,
  begunAt: undefined,
  seconds: undefined,
};
export const noCaptures: CaptureCosts = { hub: unknown, neighbours: unknown };

const NEWEST_STEP = 0.3;
const NEWEST_CAPTURE = 0.5;

/**
 * After one more step of all stages. A capture has cost what the steps since it began took longer than as many calm ones;
 * it is told by the first step that ends after its state is held. Of two beside each other nothing is learned.
 */
export function costsAfterStep(before: RunState, step: number, at: number): CaptureCosts {
  const { costs, capture, replication } = before;
  const isOpen = (to: Destination, state: { readonly step: number } | undefined): boolean =>
    costs[to].latest !== undefined || (state !== undefined && step >= state.step);
  const [isHubBusy, areNeighboursBusy] = [isOpen('hub', capture), isOpen('neighbours', replication)];
  return {
    hub: costAfterStep(before, costs.hub, capture, areNeighboursBusy, step, at),
    neighbours: costAfterStep(before, costs.neighbours, replication, isHubBusy, step, at),
  };
}

function costAfterStep(
  { lastStepAt, request }: RunState,
  before: CaptureCost,
  underWay: { readonly step: number } | undefined,
  isOtherBusy: boolean,
  step: number,
  at: number,
): CaptureCost {
  if (underWay?.step === step) {
    return { ...before, begunAt: at, latest: { since: at, step, isHeld: false, isMixed: isOtherBusy } };
  }
  const { calmSeconds } = before;
  const latest = before.latest && { ...before.latest, isMixed: before.latest.isMixed || isOtherBusy };
  if (latest?.isHeld) {
    if (calmSeconds === undefined || latest.isMixed) return { ...before, latest: undefined };
    const lost = Math.max(0, at - latest.since - (step - latest.step) * calmSeconds);
    return { ...before, latest: undefined, seconds: mean(before.seconds, lost, NEWEST_CAPTURE) };
  }
  // The first of a term finds cold programs.
  const isFirst = step <= request.settings.fromStep + 1;
  if (latest !== undefined || isOtherBusy || isFirst) return { ...before, latest };
  return { ...before, calmSeconds: mean(calmSeconds, at - lastStepAt, NEWEST_STEP) };
}

/** Under another plan steps take another time, and a capture that was under way ends with its term. */
export function costsInNewTerm({ costs: { hub, neighbours } }: RunState): CaptureCosts {
  const anew = { calmSeconds: undefined, latest: undefined };
  return { hub: { ...hub, ...anew }, neighbours: { ...neighbours, ...anew } };
}

/** The state that was under way to there is held. */
export function costsWhenHeld({ costs }: RunState, to: Destination): CaptureCosts {
  const { latest, ...cost } = costs[to];
  return { ...costs, [to]: { ...cost, latest: latest && { ...latest, isHeld: true } } };
}

/**
 * What the next capture is expected to cost. Before the first it is what the state takes on the wire of the board that has
 * most to send for its link, as it was surveyed, or a nominal one where none was. To the hub the board's best link counts.
 */
export function expectedCost({ costs, survey, stages, request }: RunState, to: Destination): number {
  const { seconds: known } = costs[to];
  if (known !== undefined) return known;
  const { between } = linksBetween(survey.surveys);
  const seconds = stages.map(({ stage, board, firstBlock, lastBlock }) => {
    const measured = (survey.surveys.get(board)?.links ?? []).map((link) => link.to);
    const other = stages[replicaStage(stage, stages.length) ?? -1]?.board;
    const others = to === 'hub' ? measured : measured.filter((id) => id === other);
    const rates = others.map((id) => between(board, id).bytesPerSecond);
    const bytes = stateBytes(request.layout)
      .slice(firstBlock, lastBlock + 1)
      .reduce((sum, each) => sum + each, 0);
    return bytes / (rates.length === 0 ? nominalLink.bytesPerSecond : Math.max(...rates));
  });
  return Math.max(0, ...seconds);
}

/** By block, of parameters and optimizer state. */
export function stateBytes(layout: RunState['request']['layout']): readonly number[] {
  return layout.map((tensors) => tensors.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0));
}

function mean(before: number | undefined, newest: number, share: number): number {
  return before === undefined ? newest : before + share * (newest - before);
}
