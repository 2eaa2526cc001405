import { hasMeasured, type Plan, type SurveyWish } from '../index.ts';
import { surveyModel } from './planning.ts';
import type { OnlineBoard, RunState } from './state.ts';

/** After the first round, which asks boards what they are, as many for the stages of plans; then the plan holds as it is. */
const MOST_ROUNDS = 4;
/** Links are looked at between all pairs of so many boards at most. */
const MOST_FOR_LINKS = 10;
/** Stages that one who comes while others train is asked for before it is taken in, whether or not it can measure them. */
const MOST_OF_NEWCOMER = 2;
/** Of the budget, for a stage of a plan. */
const STAGE_SHARE = 0.5;

/**
 * What boards are asked first; empty where nobody has to be asked. Links are measured between those that are asked: one
 * that has measured itself before listens to no probes any more.
 */
export function firstWishes({ request, survey }: RunState, boards: readonly OnlineBoard[]): Map<string, SurveyWish> {
  const { surveySeconds = 0 } = request.settings;
  const wishes = new Map<string, SurveyWish>();
  if (surveySeconds === 0) return wishes;
  const asked = boards.filter(({ id }) => isUnknown(survey, id));
  for (const [index, { id }] of asked.entries()) {
    // Each begins with the board behind it, so that not all send to the same one.
    const others = asked.length > MOST_FOR_LINKS ? [] : [...asked.slice(index + 1), ...asked.slice(0, index)];
    const links = others.map(({ id: to, dataUrl: url }) => ({ to, url }));
    wishes.set(id, { model: surveyModel(request), budgetSeconds: surveySeconds, stages: [], links });
  }
  return wishes;
}

/** What boards are asked that come while others train: those have no time to answer for links. */
export function newcomerWishes({ request, survey }: RunState, boards: readonly OnlineBoard[]): Map<string, SurveyWish> {
  const { surveySeconds: budgetSeconds = 0 } = request.settings;
  const wish = { model: surveyModel(request), budgetSeconds, stages: [], links: [] };
  const asked = boards.filter(({ id }) => isUnknown(survey, id) && !survey.awaited.has(id));
  return new Map(budgetSeconds === 0 ? [] : asked.map(({ id }) => [id, wish]));
}

/** Those of whom is known how fast they are, where a run has its boards measure themselves. */
export function knownBoards({ request, survey }: RunState, boards: readonly OnlineBoard[]): readonly OnlineBoard[] {
  if ((request.settings.surveySeconds ?? 0) === 0) return boards;
  return boards.filter(({ id }) => !isUnknown(survey, id));
}

const isUnknown = ({ surveys, problems }: RunState['survey'], id: string) => !surveys.has(id) && !problems.has(id);

/** The stages of a plan that their boards have not measured yet; empty where the plan holds. */
export function stageWishes({ request, survey }: RunState, plan: Plan): Map<string, SurveyWish> {
  const wishes = new Map<string, SurveyWish>();
  if (survey.rounds >= MOST_ROUNDS) return wishes;
  const model = surveyModel(request);
  const budgetSeconds = STAGE_SHARE * (request.settings.surveySeconds ?? 0);
  for (const { board, firstBlock, lastBlock } of plan.stages) {
    const known = survey.surveys.get(board);
    if (known === undefined || hasMeasured(known.profile, model, firstBlock, lastBlock)) continue;
    wishes.set(board, { model, budgetSeconds, stages: [{ firstBlock, lastBlock }], links: [] });
  }
  return wishes;
}

/** The stage that a plan would give a board that comes while others train, where it may still measure it. */
export function newcomerStageWishes({ request, survey }: RunState, plan: Plan, id: string): Map<string, SurveyWish> {
  const model = surveyModel(request);
  const known = survey.surveys.get(id);
  const stage = plan.stages.find(({ board }) => board === id);
  if (known === undefined || stage === undefined) return new Map();
  const { firstBlock, lastBlock } = stage;
  const isEnough = (survey.askedBeside.get(id) ?? 0) >= MOST_OF_NEWCOMER;
  if (isEnough || hasMeasured(known.profile, model, firstBlock, lastBlock)) return new Map();
  const budgetSeconds = STAGE_SHARE * (request.settings.surveySeconds ?? 0);
  return new Map([[id, { model, budgetSeconds, stages: [{ firstBlock, lastBlock }], links: [] }]]);
}
