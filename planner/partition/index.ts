export { evenPartition, type Partition, partition, type StageShare } from './partition.ts';
export type { PartitionRequest } from './problem.ts';
