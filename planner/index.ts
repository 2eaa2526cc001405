export { type BlockMove, blockMoves, blocksByTaker, boardsOfEither } from './block-moves.ts';
export type { BlockCost, Board, RunCost } from './costs.ts';
export * from './errors.ts';
export { explainPartition } from './explain.ts';
export { formatPartition, formatPlan } from './format-plan.ts';
export {
  asTheyAre,
  bytesRatio,
  codecBits,
  type LinkCodecs,
  type PlanCodecs,
  parseLinkCodecs,
  type TensorCodec,
} from './link-codecs.ts';
export {
  type Encoding,
  encodedLinks,
  type LinkEstimate,
  type LinkLoad,
  type LinkModel,
  type Links,
  linkEstimate,
  linkSpread,
  linksFrom,
  linkUnderLoad,
  nominalLink,
  observeTransfer,
  occupancySeconds,
  type Transfer,
  transferSeconds,
  uniformLinks,
} from './links.ts';
export {
  engineBaseBytes,
  estimateStageMemory,
  type MemorySituation,
  replicaMemory,
  type StageMemory,
  totalMemory,
} from './memory.ts';
export { type CodecCost, type MessageCost, nominalCodec } from './message-cost.ts';
export { type ModelChoice, modelBlocks, plannerCost } from './model-costs.ts';
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
export {
  type Restoring,
  replicaStage,
  replicatedTo,
  restoringOf,
  STATE_NOT_HELD,
  type StateSource,
} from './replicas.ts';
export * from './scenario/index.ts';
export * from './schedule/index.ts';
export {
  type Execution,
  executeSchedule,
  type LinkTimes,
  type Span,
  type Transit,
  type Wait,
} from './simulate/execute.ts';
export { timelineSvg } from './simulate/svg.ts';
export { timelineText } from './simulate/text.ts';
export { type BoardTimes, type LinkUse, type Simulation, simulate } from './simulate.ts';
export { median } from './statistics.ts';
export * from './survey/index.ts';
export { type BlockTimes, type PlannerBoard, type StageTimes, slowed, timesFromFlops } from './times.ts';
export * from './widths/index.ts';
export { duration } from './words.ts';
