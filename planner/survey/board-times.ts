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
  return fleetTimes(subject, [survey])[0]!;
}

/** The times of boards from their surveys: what one has measured of the model's blocks tells of the others' too. */
export function fleetTimes(subject: Subject, surveys: readonly (BoardSurvey | undefined)[]): readonly Times[] {
  const predicted = surveys.map((survey) => predictedTimes(subject, survey));
  const corrected = correctedByStages(
    predicted.map((times, board) => ({ ...times, stages: stagesIn(subject.model, surveys[board]) })),
  );
  return surveys.map((survey, board) => ({
    blocks: corrected[board]!,
    callSeconds: predicted[board]!.callSeconds,
    ...(survey?.messages && messageTimes(survey.messages, survey.codec, subject.blocks)),
  }));
}

type Predicted = Pick<Times, 'blocks' | 'callSeconds'>;

interface Remembered {
  readonly predictor: FittedModel;
  /** Of the subject: its model, and the optimizer's tensors. */
  readonly of: string;
  readonly predicted: Predicted;
}

/** By profile (by predictor where there is none) what was predicted last: a run makes plans from the same ones again and again. */
const remembered = new WeakMap<object, Remembered>();

function predictedTimes(subject: Subject, survey?: BoardSurvey): Predicted {
  const { predictor, model, optimizerSlots } = subject;
  const key = survey?.profile ?? predictor;
  const of = JSON.stringify([model, optimizerSlots]);
  const last = remembered.get(key);
  if (last?.predictor === predictor && last.of === of) return last.predicted;
  const predicted = predictedAnew(subject, survey);
  remembered.set(key, { predictor, of, predicted });
  return predicted;
}

function predictedAnew(subject: Subject, survey: BoardSurvey | undefined): Predicted {
  const { adaptive } = predictors;
  const { predictor } = subject;
  const state = survey === undefined ? adaptive.start(predictor) : stateOf(adaptive, predictor, survey.profile);
  const channelBlock = survey?.profile.channelBlock ?? USUAL_CHANNEL_BLOCK;
  return blockTimesOf(adaptive, state, worksOfBlocks(subject, channelBlock));
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
function stagesIn(model: SurveyModel, survey: BoardSurvey | undefined): DeviceProfile['measurements'] {
  if (survey === undefined) return [];
  const { measurements, threads } = survey.profile;
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
