import { sum } from '../../statistics.ts';
import { familyOfKind } from '../work/kinds.ts';
import type { Pass, Work } from '../work/work.ts';
import type { BaseModel } from './model.ts';
import { nonNegativeLeastSquares } from './nonnegative.ts';

/** What becomes of a block's time alone where blocks before and behind are in the same program. */
export interface Within {
  /** So many times the border's own time is gone: what comes from the block before is still in the caches. */
  readonly border: { readonly forward: number; readonly backward: number };
  /** The rest takes so much of what it takes alone. */
  readonly rest: number;
}

/** Neither more nor less than the border. */
export const usualWithin: Within = { border: { forward: 1, backward: 1 }, rest: 1 };

/** A stage that was measured, with what its blocks take alone, by pass. */
export interface StageSum {
  readonly seconds: number;
  readonly parts: readonly StagePart[];
}

export interface StagePart {
  readonly pass: 'forward' | 'backward';
  /** Of all blocks alone. */
  readonly blockSeconds: number;
  /** Of that, at borders which are gone: one stays. */
  readonly goneSeconds: number;
}

/** A factor of the border that is larger is believed of nobody. */
const mostBorder = 2;
const reweightings = 8;
const leastResidual = 0.02;

/**
 * `Σ rest·(blocks − border·gone) = measured`, with the least sum of relative errors (least squares, weighted anew by the
 * errors of the last fit); a stage far off counts as one that is a little off.
 */
export function fitWithin(stages: readonly StageSum[]): Within {
  if (stages.length === 0) return usualWithin;
  let weights = stages.map(() => 1);
  let within = usualWithin;
  for (let round = 0; round < reweightings; round++) {
    const rows = stages.map(({ parts, seconds }, index) => {
      const of = (pass: StagePart['pass']) => sum(parts.filter((part) => part.pass === pass).map((p) => p.goneSeconds));
      const row = [sum(parts.map(({ blockSeconds }) => blockSeconds)), -of('forward'), -of('backward')];
      return Float64Array.from(row, (value) => (weights[index]! * value) / seconds);
    });
    const [rest = 1, forward = 0, backward = 0] = nonNegativeLeastSquares(rows, weights);
    const border = (product: number) => Math.min(mostBorder, product / rest);
    within = { border: { forward: border(forward), backward: border(backward) }, rest };
    weights = stages.map(
      (stage) => 1 / Math.sqrt(Math.max(leastResidual, Math.abs(stageSum(stage, within) / stage.seconds - 1))),
    );
  }
  return within;
}

const stageSum = ({ parts }: StageSum, { border, rest }: Within) =>
  sum(parts.map(({ pass, blockSeconds, goneSeconds }) => rest * (blockSeconds - border[pass] * goneSeconds)));

/** At least this share of a block's time alone is computation. */
const leastInterior = 0.1;

/** Of a block's time alone: what it takes within a stage, and what the stage has once. An update is the same anywhere. */
export function splitAlone(within: Within, pass: Pass, seconds: number, borderShare: number) {
  if (pass === 'update') return { interior: seconds, once: 0 };
  const share = Math.min(1 - leastInterior, within.border[pass] * borderShare);
  return { interior: within.rest * (1 - share) * seconds, once: within.rest * share * seconds };
}

/** The share of a work's time that is its border's, on a board that differs from the reference by these weights. */
export function borderShareOf(base: BaseModel, weights: Float64Array, { amounts, border }: Work): number {
  let total = 1e-9;
  let ofBorder = 0;
  for (let kind = 0; kind < amounts.length; kind++) {
    const unit = base.unitSeconds[kind]! * Math.exp(weights[familyOfKind[kind]!]!);
    total += amounts[kind]! * unit;
    ofBorder += border[kind]! * unit;
  }
  return ofBorder / total;
}
