import { type BlockRun, type BoardSurvey, recheckRun, remeasured, type SurveyWish } from '../index.ts';
import { paceOf } from './pace.ts';
import { surveyModel } from './planning.ts';
import type { OnlineBoard, RunRequest, RunState } from './state.ts';

// A board without work says nothing of its speed, and may have become faster since the plan was made without it. So it
// measures a stage again from time to time.

/** From one time to the next. */
const SECONDS_BETWEEN = 20;
/** For all of it. */
const BUDGET_SECONDS = 10;
/** A board that has never measured a stage measures one of so many parts of the model. */
const PARTS = 8;

/** What boards that have no work are asked now. */
export function recheckWishes(
  { request, survey }: RunState,
  idle: readonly OnlineBoard[],
  now: number,
): Map<string, SurveyWish> {
  const wishes = new Map<string, SurveyWish>();
  if (!request.settings.adapts) return wishes;
  const model = surveyModel(request);
  for (const { id } of idle) {
    const known = survey.surveys.get(id);
    const isDue = now - (survey.askedAt.get(id) ?? now) >= SECONDS_BETWEEN;
    if (known === undefined || !isDue) continue;
    const stages = [recheckRun(known, model) ?? lastPart(request)];
    wishes.set(id, { model, budgetSeconds: BUDGET_SECONDS, stages, links: [] });
  }
  return wishes;
}

function lastPart({ blocks }: RunRequest): BlockRun {
  const lastBlock = blocks.length - 1;
  return { firstBlock: Math.max(0, blocks.length - Math.ceil(blocks.length / PARTS)), lastBlock };
}

/**
 * After a board without work has measured a stage: again, which makes its pace; or one that it had not measured before, which
 * tells what it takes, at the pace that it has.
 */
export function afterRecheck(
  run: RunState,
  board: string,
  { before, found }: { readonly before: BoardSurvey; readonly found: BoardSurvey },
): Pick<RunState, 'seen' | 'survey'> {
  const { seen, survey, request } = run;
  const news = remeasured(before, found, surveyModel(request));
  switch (news?.kind) {
    case undefined:
      return { seen, survey };
    case 'slowdown':
      return { seen: { ...seen, paces: new Map(seen.paces).set(board, news.factor) }, survey };
    case 'new': {
      const pace = paceOf(seen.paces, board);
      const rows = news.rows.map((row) => ({ ...row, seconds: row.seconds / pace }));
      const profile = { ...before.profile, measurements: [...before.profile.measurements, ...rows] };
      return { seen, survey: { ...survey, surveys: new Map(survey.surveys).set(board, { ...before, profile }) } };
    }
    default:
      return news satisfies never;
  }
}
