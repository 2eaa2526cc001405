import { text, withDefault } from './options/index.ts';

/** How links encode, and how narrow the planner may make them: the same of whatever plans or trains. */
export const DEFAULT_MIN_BITS = '4/8';

export const codecOption = text(
  'SPEC',
  'bits of a value on the links, forward/back: none, 8, 4/8, 4+mask/8+huffman …, or auto: as few as each link needs ' +
    '(docs/codec.md)',
);

export const minBitsOption = withDefault(
  text('BITS', 'with --codec auto: no link is made narrower than this, forward/back'),
  DEFAULT_MIN_BITS,
);
