export * from './board/index.ts';
export * from './calibration/index.ts';
export * from './checkpoint/index.ts';
export * from './codec/index.ts';
export * from './data/index.ts';
export * from './engine/index.ts';
export { type Accuracy, evaluate } from './evaluate.ts';
export { BufferPool } from './memory/index.ts';
export * from './telemetry/index.ts';
