import { asTheyAre, type LinkCodecs, type TensorCodec } from '../link-codecs.ts';
import { bitsOf } from './ladder.ts';
import type { LinkWidth } from './plan.ts';

/** `float32`, `8 bits`, `4/8 bits`, `4+mask/8 bits`. */
export function formatWidth({ forward, backward }: LinkCodecs): string {
  if (forward.bits === asTheyAre.forward.bits && backward.bits === forward.bits) return 'float32';
  const [there, back] = [formatCodec(forward), formatCodec(backward)];
  return `${there === back ? there : `${there}/${back}`} bits`;
}

/** As `--codec` takes it. */
function formatCodec({ bits, group, float16, hadamard, zeroMask, huffman, feedback }: TensorCodec): string {
  const additions = { hadamard, mask: zeroMask, huffman, feedback };
  const words = Object.entries(additions).flatMap(([word, is]) => (is ? [word] : []));
  return [float16 ? 'float16' : bits, ...(group === undefined ? [] : [`group${group}`]), ...words].join('+');
}

/** Which width each link has and why: one sentence a link. */
export function explainWidths(widths: readonly LinkWidth[], stepSeconds: number): readonly string[] {
  return widths.map((link) => {
    const { from, to, codecs } = link;
    return `The link ${from} → ${to} sends ${formatWidth(codecs)}${reason(link, stepSeconds)}.`;
  });
}

function reason({ codecs, widest, wider, narrower }: LinkWidth, stepSeconds: number): string {
  if (wider === undefined && narrower === undefined) return ', as was asked for';
  if (wider === undefined) {
    return `: with ${formatWidth(narrower!.codecs)} a step would take ${times(narrower!.seconds, stepSeconds)} as long`;
  }
  const isSame = bitsOf(wider.codecs) === bitsOf(widest.codecs);
  const further = isSame ? '' : `, with ${formatWidth(widest.codecs)} ${times(widest.seconds, stepSeconds)}`;
  const why = `: with ${formatWidth(wider.codecs)} a step would take ${times(wider.seconds, stepSeconds)} as long${further}`;
  const stillHolds = narrower === undefined && bitsOf(codecs) < bitsOf(wider.codecs);
  return stillHolds ? `${why}; it may not be narrower` : why;
}

function times(seconds: number, stepSeconds: number): string {
  return `${(seconds / stepSeconds).toFixed(2)} times`;
}
