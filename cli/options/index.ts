export { commandHelp, type Described, overview } from './help.ts';
export { nearest } from './nearest.ts';
export { type Parsed, parseCommandLine, type Syntax } from './parse.ts';
export { type Argument, dashed, type Option, type OptionTable, type OptionValues } from './types.ts';
export * from './values.ts';
