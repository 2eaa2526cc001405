import { blockTimesOf } from './block-times.ts';
import { predictors } from './predictors/index.ts';
import { calibrationOptimizerSlots } from './profile.ts';
import type { RecordedTrials, StageTrial } from './recording.ts';
import { graphOf } from './source.ts';
import { blockWorks, type Work } from './work/work.ts';

const { adaptive } = predictors;
type AdaptiveState = ReturnType<typeof adaptive.start>;

/** What one measurement of a stage ran. */
export function passesOf({ pass }: StageTrial): readonly ('forward' | 'backward')[] {
  if (pass === 'update') return [];
  return pass === 'forwardBackward' ? ['forward', 'backward'] : [pass];
}

/** That pass of each of a stage's blocks alone. */
export function partsIn({ blocks }: StageTrial, pass: Work['pass']): readonly Work[] {
  return blocks.flatMap((works) => works.filter((work) => work.pass === pass));
}

const modelOf = ({ source }: StageTrial) => `${source.model} ${source.microBatch}`;

/** The stages of the same model that have no block of this one; forward and backward as one is nothing that a board measures. */
export function rowsBeside({ stages }: RecordedTrials, stage: StageTrial): readonly StageTrial[] {
  const { firstBlock, lastBlock } = stage.source;
  return stages.filter(
    (other) =>
      other.work !== undefined &&
      other.pass !== 'update' &&
      modelOf(other) === modelOf(stage) &&
      (other.source.lastBlock < firstBlock || other.source.firstBlock > lastBlock),
  );
}

/** As a board that has measured these rows of blocks once. */
export function learnRows(start: AdaptiveState, rows: readonly StageTrial[]): AdaptiveState {
  return rows.reduce((state, { work, measured, ...row }) => {
    if (work === undefined) return state;
    const parts = partsIn({ work, measured, ...row }, work.pass);
    return adaptive.observe(state, { work, seconds: measured, parts }).state;
  }, start);
}

/** The relative errors of a board's stages: of their forward and backward, apart or as one, as they were measured. */
export function stageErrors(
  { stages, channelBlock }: RecordedTrials,
  stateFor: (stage: StageTrial) => AdaptiveState,
): readonly number[] {
  const options = { capabilities: { channelBlock }, optimizerSlots: calibrationOptimizerSlots };
  const judged = stages.filter((stage) => passesOf(stage).length > 0);
  return [...Map.groupBy(judged, modelOf).values()].flatMap((ofModel) => {
    const { source } = ofModel[0]!;
    const { graph, blocks } = graphOf(source);
    const works = blockWorks(source.model, graph, blocks, options);
    return ofModel.map((stage) => {
      const times = blockTimesOf(adaptive, stateFor(stage), works);
      return Math.abs(stageSeconds(stage, times) / stage.seconds - 1);
    });
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
