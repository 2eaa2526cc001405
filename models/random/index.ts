export type { KeyPart } from './key.ts';
export { RandomStream, randomStream } from './stream.ts';
