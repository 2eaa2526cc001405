export type { BlockCost, Board, RunCost } from './costs.ts';
export * from './errors.ts';
export { formatPlan } from './format-plan.ts';
export { engineBaseBytes, estimateStageMemory, type MemorySituation, type StageMemory, totalMemory } from './memory.ts';
export * from './partition/index.ts';
export {
  type Choice,
  createPlan,
  type Plan,
  type PlanSettings,
  type PlanStage,
  parsePlan,
  planVersion,
  validatePlan,
} from './plan.ts';
export * from './predictor/index.ts';
export type { Json, JsonObject } from './readers.ts';
export * from './schedule/index.ts';
