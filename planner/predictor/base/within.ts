import { sum } from '../../statistics.ts';
import { familyNames, familyOfKind } from '../work/kinds.ts';
import type { Pass, Work } from '../work/work.ts';
import type { BaseModel } from './model.ts';
import { nonNegativeLeastSquares } from './nonnegative.ts';

/** What becomes of a block's time alone where blocks before and behind are in the same program. */
export interface Within {
  /**
   * The call is gone as it is; of what is brought into another layout and copied, so many times its own time: what comes from
   * the block before is still in the caches.
   */
  readonly border: { readonly forward: number; readonly backward: number };
  /** The rest takes so much of what it takes alone. */
  readonly rest: number;
}

/** Neither more nor less than the border. */
export const usualWithin: Within = { border: { forward: 1, backward: 1 }, rest: 1 };

/** Of a block's time alone, at its border; as seconds or as a share. */
export interface Border {
  /** Calling a program and handing tensors to it. */
  readonly call: number;
  /** Layout changes and copies. */
  readonly layout: number;
}

/** A stage that was measured, with what its blocks take alone, by pass. */
export interface StageSum {
  readonly seconds: number;
  readonly parts: readonly StagePart[];
}

export interface StagePart {
  readonly pass: 'forward' | 'backward';
  /** Which rows of blocks it is one of (`rowsOf`). */
  readonly rows: string;
  /** Of all blocks alone. */
  readonly blockSeconds: number;
  /** Of that, at borders which are gone: one stays. */
  readonly goneSeconds: Border;
}

/** A factor of the border that is larger is believed of nobody. */
const mostBorder = 2;
const reweightings = 8;
const leastResidual = 0.02;
/** Weight of the belief that a border costs what it costs, against stages of which it is the whole. */
const belief = 4.5;

/**
 * `Σ rest·(blocks − calls gone) − rest·border·layouts gone = measured`, with the least sum of relative errors (least squares,
 * weighted anew by the errors of the last fit); a stage far off counts as one that is a little off. `rest·border` is drawn
 * towards 1: one model alone has most of the layouts, and without it nothing would tell them.
 */
export function fitWithin(stages: readonly StageSum[]): Within {
  if (stages.length === 0) return usualWithin;
  const drawn = Math.sqrt(belief);
  let weights = stages.map(() => 1);
  let within = usualWithin;
  for (let round = 0; round < reweightings; round++) {
    const rows = stages.map((stage, index) => Float64Array.from(termsOf(stage), (term) => weights[index]! * term));
    const [rest = 1, forward = 0, backward = 0] = nonNegativeLeastSquares(
      [...rows, Float64Array.of(0, -drawn, 0), Float64Array.of(0, 0, -drawn)],
      [...weights, -drawn, -drawn],
    );
    const border = (product: number) => Math.min(mostBorder, product / rest);
    within = { border: { forward: border(forward), backward: border(backward) }, rest };
    weights = stages.map(
      (stage) => 1 / Math.sqrt(Math.max(leastResidual, Math.abs(stageSum(stage, within) / stage.seconds - 1))),
    );
  }
  return within;
}

/** What `rest` and `rest·border` of both passes are multiplied by, in units of what was measured. */
function termsOf({ parts, seconds }: StageSum): readonly number[] {
  const layouts = (pass: StagePart['pass']) =>
    sum(parts.filter((part) => part.pass === pass).map(({ goneSeconds }) => goneSeconds.layout));
  const interior = sum(parts.map(({ blockSeconds, goneSeconds }) => blockSeconds - goneSeconds.call));
  return [interior, -layouts('forward'), -layouts('backward')].map((term) => term / seconds);
}

/** Seconds that the stage takes by this. */
export const stageSum = ({ parts }: StageSum, { border, rest }: Within) =>
  sum(
    parts.map(
      ({ pass, blockSeconds, goneSeconds: { call, layout } }) => rest * (blockSeconds - call - border[pass] * layout),
    ),
  );

/** At least this share of a block's time alone is computation. */
const leastInterior = 0.1;

/** Of a block's time alone: what it takes within a stage, and what the stage has once. An update is the same anywhere. */
export function splitAlone(within: Within, pass: Pass, seconds: number, { call, layout }: Border) {
  if (pass === 'update') return { interior: seconds, once: 0 };
  const share = Math.min(1 - leastInterior, call + within.border[pass] * layout);
  return { interior: within.rest * (1 - share) * seconds, once: within.rest * share * seconds };
}

const overhead = familyNames.indexOf('overhead');

/** The shares of a work's time that are its border's, on a board that differs from the reference by these weights. */
export function borderShareOf(base: BaseModel, weights: Float64Array, { amounts, border }: Work): Border {
  let total = 1e-9;
  let call = 0;
  let layout = 0;
  for (let kind = 0; kind < amounts.length; kind++) {
    const family = familyOfKind[kind]!;
    const unit = base.unitSeconds[kind]! * Math.exp(weights[family]!);
    const atBorder = border[kind]! * unit;
    total += amounts[kind]! * unit;
    if (family === overhead) call += atBorder;
    else layout += atBorder;
  }
  return { call: call / total, layout: layout / total };
}
