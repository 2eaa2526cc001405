export * from './errors.ts';
export { type Inference, openInference } from './inference.ts';
export { createOnnxEngine } from './onnx-engine.ts';
export { onnxRuntime, probeCapabilities } from './onnx-runtime.ts';
export type {
  BesideOptions,
  Computed,
  Engine,
  LoadOptions,
  MicroBatchId,
  StageDescription,
  StageSpecification,
  StateTensor,
} from './types.ts';
export { besideTraining, engineIn, startWorkerEngine, type TrainingBeside } from './worker-engine.ts';
