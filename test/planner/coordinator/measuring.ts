import type { RunSettings } from '../../../planner/coordinator/index.ts';
import type { BlockRun, BoardSurvey, SurveyModel, SurveyWish } from '../../../planner/index.ts';
import { fleetModel, type ImaginedBoard } from '../predictor/boards.ts';
import { rowsOf, sourceOf, surveyOf, transfersOf } from '../survey/examples.ts';
import { type Script, someSettings } from './fake-fleet.ts';

/** Of a run that follows two boards which measure themselves. */
export const followedSettings: RunSettings = someSettings({
  model: { name: 'cifarnet', classes: 2, inputShape: [3, 8, 8] },
  batch: 64,
  microBatches: 8,
  steps: 60,
  boards: ['pi-1', 'pi-2'],
  arrangement: 'free',
  adapts: true,
  predictor: fleetModel(),
  surveySeconds: 30,
});

/** A board that measures whatever it is asked, and remembers it. */
export function measuring(board: ImaginedBoard, wishes: SurveyWish[] = []): Script {
  let known: BoardSurvey | undefined;
  return {
    surveys(wish) {
      wishes.push(wish);
      const links = wish.links.map(({ to }) => ({ to, transfers: transfersOf(1e8, 1e-5) }));
      const stages = wish.stages.map(({ firstBlock, lastBlock }) => sourceOf(wish.model, firstBlock, lastBlock));
      const survey = surveyOf(board, stages, links);
      const measurements = [...(known?.profile.measurements ?? []), ...survey.profile.measurements];
      known = { ...survey, profile: { ...survey.profile, measurements } };
      return known;
    },
  };
}

/** What a step of a stage really takes the board that measures so. */
export function stepOn(board: ImaginedBoard, model: SurveyModel, microBatches: number, run: BlockRun): number {
  const rows = rowsOf(sourceOf(model, run.firstBlock, run.lastBlock), board);
  return rows.reduce((sum, { pass, seconds }) => sum + (pass === 'update' ? 1 : microBatches) * seconds, 0);
}
