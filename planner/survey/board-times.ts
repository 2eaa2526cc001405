import type { BlockCost } from '../costs.ts';
import { asTheyAre } from '../link-codecs.ts';
import { type CodecCost, cutSeconds, type MessageCost, nominalCodec } from '../message-cost.ts';
import {
  blockTimesOf,
  blockWorks,
  type DeviceProfile,
  type FittedModel,
  graphOf,
  predictors,
  sameModel,
  stateOf,
  workName,
} from '../predictor/index.ts';
import type { PlannerBoard } from '../times.ts';
import { correctedByStages } from './stage-corrections.ts';
import type { BoardSurvey, SurveyModel } from './types.ts';

/** What boards are asked to compute, and what tells how long they take. */
export interface Subject {
  readonly model: SurveyModel;
  readonly blocks: readonly BlockCost[];
  /** Tensors that the optimizer keeps for each parameter. */
  readonly optimizerSlots: number;
  readonly predictor: FittedModel;
}

type Times = Omit<PlannerBoard, 'id' | 'memoryBytes'>;

/** The layout that is taken for a board's own until it has said. */
const USUAL_CHANNEL_BLOCK = 8;

/** A board's times from its survey; those of the predictor's reference board where there is none. */
export function boardTimes(subject: Subject, survey?: BoardSurvey): Times {
  const { model, blocks, predictor } = subject;
  const { adaptive } = predictors;
  const state = survey === undefined ? adaptive.start(predictor) : stateOf(adaptive, predictor, survey.profile);
  const channelBlock = survey?.profile.channelBlock ?? USUAL_CHANNEL_BLOCK;
  const works = worksOfBlocks(subject, channelBlock);
  const { blocks: predicted, callSeconds } = blockTimesOf(adaptive, state, works);
  const stages = survey === undefined ? [] : stagesIn(survey.profile, model);
  return {
    blocks: correctedByStages(predicted, callSeconds, stages),
    callSeconds,
    ...(survey?.messages && messageTimes(survey.messages, survey.codec, blocks)),
  };
}

type ChannelBlock = DeviceProfile['channelBlock'];
const known = new WeakMap<Subject, Map<ChannelBlock, ReturnType<typeof blockWorks>>>();

/** The works of the subject's blocks; made once for all boards of a layout. */
function worksOfBlocks(subject: Subject, channelBlock: ChannelBlock): ReturnType<typeof blockWorks> {
  const byLayout = known.get(subject) ?? new Map<ChannelBlock, ReturnType<typeof blockWorks>>();
  known.set(subject, byLayout);
  const before = byLayout.get(channelBlock);
  if (before !== undefined) return before;
  const { model, optimizerSlots } = subject;
  const { name, ...shape } = model;
  const source = { model: name, ...shape };
  const { graph, blocks } = graphOf(source);
  const works = blockWorks(workName(source), graph, blocks, { capabilities: { channelBlock }, optimizerSlots });
  byLayout.set(channelBlock, works);
  return works;
}

/** The measurements of a profile that are of more than one block of this model, oldest first. */
function stagesIn({ measurements, threads }: DeviceProfile, model: SurveyModel) {
  return measurements.filter((row) => row.threads === threads && row.lastBlock > row.firstBlock && isOf(row, model));
}

/** Whether a profile has the times of this run of blocks. */
export function hasMeasured(
  { measurements, threads }: DeviceProfile,
  model: SurveyModel,
  firstBlock: number,
  lastBlock: number,
): boolean {
  return measurements.some(
    (row) =>
      row.threads === threads && row.firstBlock === firstBlock && row.lastBlock === lastBlock && isOf(row, model),
  );
}

function isOf(row: DeviceProfile['measurements'][number], { name, ...model }: SurveyModel): boolean {
  return sameModel(row, { model: name, ...model });
}

/** Of tensors as they are; links that encode have them reckoned anew. */
function messageTimes(messages: MessageCost, codec: CodecCost = nominalCodec, blocks: readonly BlockCost[]) {
  return { messages, codec, cutSeconds: cutSeconds(messages, codec, blocks, () => asTheyAre) };
}
