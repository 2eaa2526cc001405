import type { ScheduleName } from '../schedule/index.ts';

/**
 * What the planner keeps of the stages from some stage on to the last one: a few numbers, of which smaller is never
 * worse. What they mean is the step model's own affair, but for the last.
 */
export const LANES = 6;
export type Lanes = Float64Array;

/** Seconds of a stage, and of the link between it and the stage behind. */
export type StageStep = {
  forward: number;
  backward: number;
  update: number;
  /** An activation over the link and a gradient back, latency included. */
  roundTrip: number;
  /** For how long one activation keeps the link busy, and one gradient the link back. */
  activationOccupancy: number;
  gradientOccupancy: number;
  /** For how long one activation keeps this board's wire busy, and one gradient the wire of the board behind. */
  activationOnWire: number;
  gradientOnWire: number;
};

/** Of the loss stage, which has nobody behind. */
export const noLink = {
  roundTrip: 0,
  activationOccupancy: 0,
  gradientOccupancy: 0,
  activationOnWire: 0,
  gradientOnWire: 0,
} as const;

/**
 * How long a step takes under a schedule, as a recursion from the last stage to the first. A stage's `position` is the
 * number of stages behind it: 0 for the loss stage.
 */
export type StepModel = {
  /** Micro-batches between forward and backward on a stage at this position (`stashSlots` of the schedule). */
  readonly stashSlots: (position: number) => number;
  /** Whether the loss stage does a micro-batch's forward and backward in one call of the engine. */
  readonly fusesLoss: boolean;
  /** The loss stage alone. */
  readonly last: (stage: StageStep, out: Lanes) => void;
  /** One more stage in front of those that `behind` tells of, from `offset` on. */
  readonly prepend: (stage: StageStep, position: number, behind: Lanes, offset: number, out: Lanes) => void;
  /** All micro-batches through these stages, inputs at hand from the start, without updates. */
  readonly makespan: (lanes: Lanes, offset: number) => number;
  /** One micro-batch to the loss and back: links and stages one after another. */
  readonly roundTrip: (lanes: Lanes, offset: number) => number;
  /** Time from one step to the next once steps follow each other: what a plan is judged by. */
  readonly step: (lanes: Lanes, offset: number) => number;
  /**
   * A bound for the search: a stage at this position that computes `t` seconds for each micro-batch makes the step no
   * shorter than (all stages' and links' seconds for one micro-batch) + `t` · this.
   */
  readonly repeats: (position: number) => number;
};

type Build = (microBatches: number) => StepModel;

/** The step model of every schedule there is. */
const builders = { '1f1b': (M) => alternating(M, 1), 'eager-1f1b': (M) => alternating(M, 2), gpipe } satisfies Record<
  ScheduleName,
  Build
>;

export function stepModel(schedule: ScheduleName, microBatches: number): StepModel {
  return builders[schedule](microBatches);
}

const ROUND_TRIP = 0;
const STEP = 5;

/**
 * 1F1B with flush. The step is the longest path through its instructions, of the paths that follow one stage's list and
 * leave it only to go through the stages behind and come back. Let stage s need t = f + b for a micro-batch and run w
 * forwards ahead, let R be the round trip of one micro-batch through its link and all stages behind, r(d) that through
 * the next d stages only, and M the number of micro-batches:
 *
 *     X(s) = M·t + gain                                   all micro-batches, along the list of s
 *     W(s) = f + M·a                                      until its wire has taken all activations
 *     E(s) = max(X(s), t + c + E(s+1), t + R + (M-1)·o, t + c + W(s+1) + (M-1)·g)
 *                                                         the stages from s on, all inputs at hand
 *     step = max over s of E(s) + update(s)               s cannot begin the next step earlier
 *
 * with c the round trip of the link alone, o its occupancy, a and g what an activation of s and a gradient to s take of
 * the wire that sends it, which all links of a board share; `gainOfTrips` has the gain. Each term is a path that the
 * simulator has too, so the step is never above the simulated one; docs/planner.md says how near it is.
 */
function alternating(microBatches: number, aheadPerStage: number): StepModel {
  const M = microBatches;
  const MAKESPAN = 1;
  const NEXT = 2;
  const NEXT_TWO = 3;
  const WIRE = 4;
  const warmUp = (position: number) => Math.min(M - 1, aheadPerStage * position);
  return {
    stashSlots: (position) => (position === 0 ? 0 : warmUp(position) + 1),
    fusesLoss: true,
    last({ forward, backward, update }, out) {
      const own = forward + backward;
      out[ROUND_TRIP] = own;
      out[MAKESPAN] = M * own;
      out[NEXT] = own;
      out[NEXT_TWO] = own;
      out[WIRE] = own;
      out[STEP] = M * own + update;
    },
    prepend(stage, position, behind, offset, out) {
      const { forward, backward, update, roundTrip, activationOccupancy, gradientOccupancy } = stage;
      const { activationOnWire, gradientOnWire } = stage;
      const own = forward + backward;
      const away = behind[offset + ROUND_TRIP]! + roundTrip;
      const next = behind[offset + NEXT]! + roundTrip;
      const ahead = warmUp(position);
      let gain = gainOfTrips(M, ahead, forward, backward, away);
      gain = Math.max(gain, gainOfShorter(M, ahead, warmUp(position - 1), forward, backward, away, next));
      if (position > 1) {
        const two = behind[offset + NEXT_TWO]! + roundTrip;
        gain = Math.max(gain, gainOfShorter(M, ahead, warmUp(position - 2), forward, backward, away, two));
      }
      const makespan = Math.max(
        M * own + gain,
        own + roundTrip + behind[offset + MAKESPAN]!,
        own + away + (M - 1) * Math.max(activationOccupancy, gradientOccupancy),
        own + roundTrip + behind[offset + WIRE]! + (M - 1) * gradientOnWire,
      );
      out[ROUND_TRIP] = own + away;
      out[MAKESPAN] = makespan;
      out[NEXT] = own;
      out[NEXT_TWO] = own + next;
      // Where links have no wire this path is never the longest; with 0, labels that differ in it alone are not both kept.
      out[WIRE] = activationOnWire === 0 ? 0 : forward + M * activationOnWire;
      out[STEP] = Math.max(behind[offset + STEP]!, makespan + update);
    },
    makespan: (lanes, offset) => lanes[offset + MAKESPAN]!,
    roundTrip: (lanes, offset) => lanes[offset + ROUND_TRIP]!,
    step: (lanes, offset) => lanes[offset + STEP]!,
    // X(s) with one round trip is at least M·t + R - w·t/2, since the smaller of f and b is at most t/2.
    repeats: (position) => M - 1 - warmUp(position) / 2,
  };
}

/**
 * What round trips of `away` seconds add to a stage's list when they take the place of what it does meanwhile: `ahead`
 * forwards at the beginning, as many backwards at the end, as many of both in between, as often as there is room for.
 *
 *     (R - w·f)⁺ + (R - w·b)⁺ + (⌊(M-1)/(w+1)⌋ - 1)·(R - w·t)⁺
 *
 * With M - 1 ≤ w there is room for one trip, in place of forwards or of backwards.
 */
function gainOfTrips(M: number, ahead: number, forward: number, backward: number, away: number): number {
  const trips = Math.floor((M - 1) / (ahead + 1));
  if (trips === 0) return Math.max(0, away - ahead * Math.min(forward, backward));
  return (
    Math.max(0, away - ahead * forward) +
    Math.max(0, away - ahead * backward) +
    (trips - 1) * Math.max(0, away - ahead * (forward + backward))
  );
}

/**
 * The same for trips through the next stages only, up to one that runs `aheadThere` forwards ahead: a forward goes
 * there, and the backward that follows it in that stage's list comes back. Either all trips are such, or the first and
 * the last are whole ones (`away`).
 */
function gainOfShorter(
  M: number,
  ahead: number,
  aheadThere: number,
  forward: number,
  backward: number,
  away: number,
  shorter: number,
): number {
  const fewer = ahead - aheadThere;
  const alone = gainOfTrips(M - aheadThere, fewer, forward, backward, shorter);
  const between = Math.floor((M - 2 - ahead) / (fewer + 1));
  if (between <= 0) return alone;
  const mixed =
    Math.max(0, away - ahead * forward) +
    Math.max(0, away - ahead * backward) +
    between * Math.max(0, shorter - fewer * (forward + backward));
  return Math.max(alone, mixed);
}

/**
 * GPipe: two flow shops one after the other, of identical jobs, in which links are machines too:
 *
 *     E(s) = R(s) + (M-1) · (largest forward or activation + largest backward or gradient)
 *
 * exact for the passes; the update is as above. A board's wire carries activations first and gradients then, so its links
 * do not disturb each other.
 */
function gpipe(microBatches: number): StepModel {
  const M = microBatches;
  const FORWARD = 1;
  const BACKWARD = 2;
  const UNUSED = [3, 4] as const;
  const makespan = (lanes: Lanes, offset: number) =>
    lanes[offset]! + (M - 1) * (lanes[offset + FORWARD]! + lanes[offset + BACKWARD]!);
  return {
    stashSlots: (position) => (position === 0 && M === 1 ? 0 : M),
    fusesLoss: M === 1,
    last({ forward, backward, update }, out) {
      out[ROUND_TRIP] = forward + backward;
      out[FORWARD] = forward;
      out[BACKWARD] = backward;
      for (const lane of UNUSED) out[lane] = 0;
      out[STEP] = M * (forward + backward) + update;
    },
    prepend(stage, _position, behind, offset, out) {
      const { forward, backward, update, roundTrip, activationOccupancy, gradientOccupancy } = stage;
      out[ROUND_TRIP] = behind[offset]! + roundTrip + forward + backward;
      out[FORWARD] = Math.max(behind[offset + FORWARD]!, forward, activationOccupancy);
      for (const lane of UNUSED) out[lane] = 0;
      out[BACKWARD] = Math.max(behind[offset + BACKWARD]!, backward, gradientOccupancy);
      out[STEP] = Math.max(behind[offset + STEP]!, makespan(out, 0) + update);
    },
    makespan,
    roundTrip: (lanes, offset) => lanes[offset + ROUND_TRIP]!,
    step: (lanes, offset) => lanes[offset + STEP]!,
    repeats: () => M - 1,
  };
}
