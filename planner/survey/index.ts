/** What boards measure for a run before it is planned, and what the planner makes of it. */
export { boardTimes, fleetTimes, hasMeasured, type Subject } from './board-times.ts';
export { linksBetween } from './links-between.ts';
export { formatSurvey, parseSurvey, parseWish } from './parse.ts';
export { type Remeasured, recheckRun, remeasured } from './recheck.ts';
export { blockSources, halfSources, runSource } from './sources.ts';
export { correctedByStages, type MeasuredBoard } from './stage-corrections.ts';
export type { BlockRun, BoardSurvey, MeasuredLink, SurveyModel, SurveyWish } from './types.ts';
