export { evenPartition, givenPartition, type Partition, partition, type StageShare } from './partition.ts';
export type { PartitionRequest } from './problem.ts';
