import { cutKinds } from '../../models/index.ts';
import type { CodecCost, MessageCost } from '../message-cost.ts';
import { formatProfile, parseProfile } from '../predictor/index.ts';
import * as read from '../readers.ts';
import type { BlockRun, BoardSurvey, MeasuredLink, SurveyModel, SurveyWish } from './types.ts';

const MOST_BLOCKS = 10_000;
const MOST_LINKS = 1_000;
const MOST_TRANSFERS = 100;
const MOST_SECONDS = 1e6;

const seconds = read.numberBetween(0, MOST_SECONDS);

const blockRun: read.Reader<BlockRun> = read.object({
  firstBlock: read.wholeNumber(0, MOST_BLOCKS),
  lastBlock: read.wholeNumber(0, MOST_BLOCKS),
});

const model: read.Reader<SurveyModel> = read.object(
  {
    name: read.text,
    classes: read.wholeNumber(1),
    inputShape: read.list(read.wholeNumber(1), 6),
    microBatch: read.wholeNumber(1),
  },
  { cuts: read.oneOf(cutKinds) },
);

const wish: read.Reader<SurveyWish> = read.object({
  model,
  budgetSeconds: seconds,
  stages: read.listOrNone(blockRun, MOST_BLOCKS),
  links: read.listOrNone(read.object({ to: read.text, url: read.url(['mqtt:']) }), MOST_LINKS),
});

const messages: read.Reader<MessageCost> = read.object({
  seconds,
  secondsPerByte: seconds,
  besideComputing: read.flag,
});

const codec: read.Reader<CodecCost> = read.object({ encodeSecondsPerByte: seconds, decodeSecondsPerByte: seconds });

const link: read.Reader<MeasuredLink> = read.object({
  to: read.text,
  transfers: read.listOrNone(read.object({ bytes: read.wholeNumber(1), seconds }), MOST_TRANSFERS),
});

const survey = read.object({ profile: read.jsonObject, links: read.listOrNone(link, MOST_LINKS) }, { messages, codec });

/** What a hub asks of a board. @throws PlanFieldError */
export function parseWish(value: unknown): SurveyWish {
  return wish(value, 'wish');
}

/** What a board answers. @throws PlanFieldError, PredictorFileError */
export function parseSurvey(value: unknown): BoardSurvey {
  const { profile, ...rest } = survey(value, 'survey');
  return { ...rest, profile: parseProfile(JSON.stringify(profile), 'the survey of a board') };
}

/** A survey as it travels. */
export function formatSurvey({ profile, ...rest }: BoardSurvey): read.JsonObject {
  return JSON.parse(JSON.stringify({ ...rest, profile: JSON.parse(formatProfile(profile)) }));
}
