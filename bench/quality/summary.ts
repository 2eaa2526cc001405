import type { QualityRun } from './records.ts';

/** What the issue asks of 8/8 and 4/8: so near to float32, in points of accuracy. */
export const WITHIN_POINTS = 0.5;

/** One codec of a model, over its seeds. */
export interface QualityRow {
  readonly codec: string;
  readonly seeds: number;
  /** Percent, one for each seed, and their mean. */
  readonly accuracies: readonly number[];
  readonly meanAccuracy: number;
  /** Mean over the seeds of (its accuracy - float32's of the same seed), in points; null without float32. */
  readonly difference: number | null;
  /** The largest difference of one seed from that mean. */
  readonly spread: number | null;
  /** Mean of the last part of the curves. */
  readonly lastLoss: number;
  readonly bytesPerStep: number;
}

/** The runs of one model as rows, in the order of `codecs`. */
export function summary(runs: readonly QualityRun[], codecs: readonly string[]): readonly QualityRow[] {
  const exact = new Map(runs.filter(({ codec }) => codec === 'none').map((run) => [run.seed, run.accuracy]));
  return codecs.flatMap((codec) => {
    const own = runs.filter((run) => run.codec === codec);
    if (own.length === 0) return [];
    const differences = own.flatMap(({ seed, accuracy }) => {
      const base = exact.get(seed);
      return base === undefined ? [] : [100 * (accuracy - base)];
    });
    const difference = differences.length === 0 ? null : mean(differences);
    return {
      codec,
      seeds: own.length,
      accuracies: own.map(({ accuracy }) => round(100 * accuracy)),
      meanAccuracy: round(100 * mean(own.map(({ accuracy }) => accuracy))),
      difference: difference === null ? null : round(difference),
      spread: difference === null ? null : round(Math.max(...differences.map((each) => Math.abs(each - difference)))),
      lastLoss: round(mean(own.map(({ losses }) => losses.at(-1)!)), 4),
      bytesPerStep: Math.round(mean(own.map(({ bytesPerStep }) => bytesPerStep))),
    };
  });
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const round = (value: number, digits = 2) => Number(value.toFixed(digits));
