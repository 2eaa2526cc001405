import { mean } from '../statistics.ts';
import { type BoardSamples, type FitOptions, type FittedModel, fitModel } from './base/fit.ts';
import { blockTimesOf } from './block-times.ts';
import { RecordingsError } from './errors.ts';
import { afterProbe, chooseTrials, learnAll, relativeErrors, type Trial } from './evaluate.ts';
import { type PredictorName, predictorNamed, predictors } from './predictors/index.ts';
import { calibrationOptimizerSlots } from './profile.ts';
import type { RecordedTrials, StageTrial } from './recording.ts';
import { graphOf } from './source.ts';
import { blockWorks, type Work } from './work/work.ts';

/** How well a board that was left out of the training is predicted. Errors are means of |predicted ÷ measured − 1|. */
export interface BoardReport {
  readonly board: string;
  /** Of single blocks, after the probe and 0, 10, 100 measurements of blocks, on the blocks that were not measured. */
  readonly unseen: Readonly<Record<(typeof observationCounts)[number], number>>;
  /** Share of predictions within 10 %, after 100. */
  readonly within10: number;
  /** Of whole stages after 100, by the planner's formula: the sum of the blocks' times and one call. */
  readonly stages: number;
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
    const parts = passesOf(stage).map((pass) => ({
      pass,
      works: stage.blocks.flatMap((works) => worksIn(works, pass)),
    }));
    return parts.length === 0 ? [] : [{ seconds: stage.seconds, parts }];
  });
  return { board, samples: [...probes, ...blocks, ...ofStages], stages: sums };
}

/** What one measurement of a stage ran. */
function passesOf({ pass }: StageTrial): readonly ('forward' | 'backward')[] {
  if (pass === 'update') return [];
  return pass === 'forwardBackward' ? ['forward', 'backward'] : [pass];
}

const worksIn = (works: readonly Work[], pass: Work['pass']) => works.filter((work) => work.pass === pass);

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
  const stages = stageErrors(board, hundred.state);
  return {
    board: board.board,
    unseen: { 0: mean(none.errors), 10: mean(ten.errors), 100: mean(hundred.errors) },
    within10: hundred.errors.filter((error) => error <= 0.1).length / hundred.errors.length,
    stages: mean(stages),
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

/** The relative errors of a board's stages: of their forward and backward, apart or as one, as they were measured. */
export function stageErrors({ stages, channelBlock }: RecordedTrials, state: AdaptiveState): readonly number[] {
  const options = { capabilities: { channelBlock }, optimizerSlots: calibrationOptimizerSlots };
  const byModel = Map.groupBy(
    stages.filter((stage) => passesOf(stage).length > 0),
    ({ source }) => `${source.model} ${source.microBatch}`,
  );
  return [...byModel.values()].flatMap((ofModel) => {
    const { source } = ofModel[0]!;
    const { graph, blocks } = graphOf(source);
    const times = blockTimesOf(predictors.adaptive, state, blockWorks(source.model, graph, blocks, options));
    return ofModel.map((stage) => Math.abs(stageSeconds(stage, times) / stage.seconds - 1));
  });
}

function stageSeconds(stage: StageTrial, { blocks, callSeconds }: ReturnType<typeof blockTimesOf>): number {
  const { firstBlock, lastBlock } = stage.source;
  const within = blocks.slice(firstBlock, lastBlock + 1);
  return passesOf(stage).reduce(
    (sum, each) => sum + within.reduce((total, times) => total + times[each], 0),
    callSeconds,
  );
}
