export { baselines, chooseAssignment, type Effort, fullEffort, MOST_EXACT, usualEffort } from './choose.ts';
export { fitsMemory, stageStep, stepSeconds } from './objective.ts';
export {
  assignmentOf,
  evenPartition,
  fastestOf,
  microBatchCandidates,
  type Partition,
  partition,
  partitionOfFastest,
  partitionOfSplit,
  type StageShare,
} from './partition.ts';
export {
  type Assignment,
  definePartition,
  type PartitionProblem,
  type PartitionRequest,
  type Run,
} from './problem.ts';
export { type StageStep, stepModel } from './step-model.ts';
