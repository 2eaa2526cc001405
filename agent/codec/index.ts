export { codecFor } from './choose.ts';
export { type Codec, type CodecHeader, codecParamsBytes, type EncodeContext, type Encoded } from './codec.ts';
export * from './errors.ts';
export { createTwinKernel, createWasmKernel, type Kernel, threadKernel } from './kernel/index.ts';
export type { PlanesParams } from './planes/params.ts';
export { type PlanesOptions, planesCodec } from './planes/planes.ts';
export { codecNames, codecOf, encodingProblem, payloadProblem, plainCodecs } from './registry.ts';
