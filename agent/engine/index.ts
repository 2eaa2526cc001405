export * from './errors.ts';
export { type Inference, openInference } from './inference.ts';
export { createOnnxEngine } from './onnx-engine.ts';
export { onnxRuntime, probeCapabilities } from './onnx-runtime.ts';
export type {
  Computed,
  Engine,
  MicroBatchId,
  StageDescription,
  StageSpecification,
  StateTensor,
} from './types.ts';
export { besideTraining, startWorkerEngine } from './worker-engine.ts';
