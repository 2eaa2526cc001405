import { mean } from '../statistics.ts';
import { type BoardSamples, type FitOptions, type FittedModel, fitModel } from './base/fit.ts';
import { RecordingsError } from './errors.ts';
import { afterProbe, chooseTrials, learnAll, relativeErrors, type Trial } from './evaluate.ts';
import { type PredictorName, predictorNamed, predictors } from './predictors/index.ts';
import type { RecordedTrials, StageTrial } from './recording.ts';
import { learnRows, partsIn, passesOf, rowsBeside, stageErrors } from './stage-errors.ts';

/** How well a board that was left out of the training is predicted. Errors are means of |predicted ÷ measured − 1|. */
export interface BoardReport {
  readonly board: string;
  /** Of single blocks, after the probe and 0, 10, 100 measurements of blocks, on the blocks that were not measured. */
  readonly unseen: Readonly<Record<(typeof observationCounts)[number], number>>;
  /** Share of predictions within 10 %, after 100. */
  readonly within10: number;
  /**
   * Of whole stages by the planner's formula, the sum of the blocks' times and one call: after 100 measurements, of which those of
   * halves are of the model's other half.
   */
  readonly stages: number;
  /** The same after 100 measurements of single blocks. */
  readonly stagesByBlocks: number;
  readonly stageCount: number;
  /** After 10, of the other predictors with the same measurements. */
  readonly baselines: Readonly<Record<Exclude<PredictorName, 'adaptive'>, number>>;
}

export const observationCounts = [0, 10, 100] as const;
const leastBoards = 3;

/** What is trained on: stages too, which tell what the border of a program costs and how blocks add up. */
export function samplesOf({ board, probes, blocks, stages }: RecordedTrials): BoardSamples {
  const ofStages = stages.flatMap(({ work, seconds }) => (work === undefined ? [] : [{ work, seconds }]));
  const sums = stages.flatMap((stage) => {
    const parts = passesOf(stage).map((pass) => ({ pass, works: partsIn(stage, pass) }));
    return parts.length === 0 ? [] : [{ seconds: stage.seconds, parts }];
  });
  return { board, samples: [...probes, ...blocks, ...ofStages], stages: sums };
}

/** Trains on all boards but one, for each board. @throws RecordingsError */
export function leaveOneBoardOut(
  boards: readonly RecordedTrials[],
  options?: FitOptions,
  done?: (report: BoardReport) => void,
): readonly BoardReport[] {
  if (boards.length < leastBoards) throw new RecordingsError('the directory', boards.length, leastBoards);
  return boards.map((board) => {
    const others = boards.filter((other) => other !== board).map(samplesOf);
    const report = reportOn(board, fitModel(others, options));
    done?.(report);
    return report;
  });
}

function reportOn(board: RecordedTrials, model: FittedModel): BoardReport {
  const { adaptive } = predictors;
  const start = afterProbe(adaptive, model, board);
  const chosen = chooseTrials(adaptive, start, board.blocks, Math.max(...observationCounts));
  const after = (count: number) => {
    const learned = chosen.slice(0, count);
    const rest = board.blocks.filter((trial) => !learned.includes(trial));
    const state = learnAll(adaptive, start, learned);
    return { state, errors: relativeErrors(adaptive, state, rest) };
  };
  const [none, ten, hundred] = observationCounts.map(after) as [Stage, Stage, Stage];
  const beside = (rows: readonly StageTrial[]) =>
    learnRows(learnAll(adaptive, start, chosen.slice(0, chosen.length - rows.length)), rows);
  const stages = stageErrors(board, (stage) => beside(rowsBeside(board, stage)));
  const byBlocks = stageErrors(board, () => hundred.state);
  return {
    board: board.board,
    unseen: { 0: mean(none.errors), 10: mean(ten.errors), 100: mean(hundred.errors) },
    within10: hundred.errors.filter((error) => error <= 0.1).length / hundred.errors.length,
    stages: mean(stages),
    stagesByBlocks: mean(byBlocks),
    stageCount: stages.length,
    baselines: {
      scalar: baselineError('scalar', model, board, chosen.slice(0, 10)),
      roofline: baselineError('roofline', model, board, chosen.slice(0, 10)),
      flops: baselineError('flops', model, board, chosen.slice(0, 10)),
    },
  };
}

type AdaptiveState = ReturnType<typeof predictors.adaptive.start>;
type Stage = { readonly state: AdaptiveState; readonly errors: readonly number[] };

function baselineError(
  name: PredictorName,
  model: FittedModel,
  board: RecordedTrials,
  measured: readonly Trial[],
): number {
  const predictor = predictorNamed(name);
  const state = learnAll(predictor, afterProbe(predictor, model, board), measured);
  return mean(
    relativeErrors(
      predictor,
      state,
      board.blocks.filter((trial) => !measured.includes(trial)),
    ),
  );
}
