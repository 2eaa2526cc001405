export * from './errors.ts';
export type { Json } from './json.ts';
export { CHECKPOINT_VERSION } from './manifest.ts';
export { latestCheckpoint, listCheckpoints, parametersOf } from './names.ts';
export { type ReadCheckpoint, type ReadOptions, readCheckpoint } from './read.ts';
export type { CheckpointTensor, Tensors } from './safetensors.ts';
export type { RunState } from './state.ts';
export { type Checkpoint, type WriteOptions, writeCheckpoint } from './write.ts';
