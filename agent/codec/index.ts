export type { Codec } from './codec.ts';
export * from './errors.ts';
export { type CodecName, codecNames, codecOf, codecs, isCodec } from './registry.ts';
