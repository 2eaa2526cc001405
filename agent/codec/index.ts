export type { Codec } from './codec.ts';
export * from './errors.ts';
export { type CodecName, codecNames, codecOf, codecs } from './registry.ts';
