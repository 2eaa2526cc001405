import { GradientBitsError, PlanFieldError, UnknownTensorCodecError } from './errors.ts';
import * as read from './readers.ts';

/** How the tensors of one direction of a link are encoded. What is not said is off. */
export type TensorCodec = {
  /** Of a value: 1 to 8 as bit planes, 16 as bfloat16, 32 as they are. */
  readonly bits: number;
  /** Values of a group of bit planes: 32, 64 (where absent), 128 or 256. */
  readonly group?: number;
  /** 16 bits as float16. */
  readonly float16?: boolean;
  /** Blocks are rotated first. */
  readonly hadamard?: boolean;
  /** Zeros go as one bit. */
  readonly zeroMask?: boolean;
  /** Huffman codes over all: fewer bytes, more processor time. */
  readonly huffman?: boolean;
  /** What was lost is added to the next tensor of the same micro-batch. */
  readonly feedback?: boolean;
};

/** Both directions of the link from a stage to the next: activations go forward, gradients back. */
export type LinkCodecs = { readonly forward: TensorCodec; readonly backward: TensorCodec };

/** Nothing is encoded. */
export const asTheyAre: LinkCodecs = { forward: { bits: 32 }, backward: { bits: 32 } };

/** How a run's links encode. `links[i]` is the link between stages i and i + 1. */
export type PlanCodecs = {
  /** Before this step all goes as it is. */
  readonly warmUpSteps: number;
  readonly links: readonly LinkCodecs[];
};

export const codecBits = [1, 2, 3, 4, 5, 6, 7, 8, 16, 32] as const;
export const codecGroups = [32, 64, 128, 256] as const;
const MOST_LINKS = 1000;

const fields = read.object(
  { bits: read.oneOf(codecBits) },
  {
    group: read.oneOf(codecGroups),
    ...{ float16: read.flag, hadamard: read.flag, zeroMask: read.flag, huffman: read.flag, feedback: read.flag },
  },
);

const tensorCodec: read.Reader<TensorCodec> = (value, path) => {
  const codec = fields(value, path);
  const problem = problemOf(codec);
  if (problem !== null) throw new PlanFieldError(path, problem, JSON.stringify(codec));
  return codec;
};

export const planCodecs: read.Reader<PlanCodecs> = read.object({
  warmUpSteps: read.wholeNumber(0),
  links: read.list(read.object({ forward: tensorCodec, backward: tensorCodec }), MOST_LINKS),
});

/** What contradicts itself; null where nothing does. */
function problemOf({ bits, group, float16, hadamard, zeroMask, huffman, feedback }: TensorCodec): string | null {
  const ofPlanes = group !== undefined || hadamard || zeroMask || huffman;
  if (bits > 8 && ofPlanes) return 'without group, hadamard, mask and huffman, which need 1 to 8 bits';
  if (bits === 32 && feedback) return 'without feedback, as 32 bits lose nothing';
  if (bits !== 16 && float16) return 'of 16 bits where it is float16';
  return hadamard && zeroMask ? 'either rotated or with a zero mask' : null;
}

/** @throws GradientBitsError where gradients would get fewer bits than the activations of their link */
export function checkGradientBits({ links }: PlanCodecs): void {
  for (const [link, { forward, backward }] of links.entries()) {
    if (backward.bits < forward.bits) throw new GradientBitsError(link, forward.bits, backward.bits);
  }
}

const words = {
  none: { bits: 32 },
  float32: { bits: 32 },
  bfloat16: { bits: 16 },
  float16: { bits: 16, float16: true },
} as const satisfies Record<string, TensorCodec>;

const additions: Readonly<Record<string, Partial<TensorCodec>>> = {
  ...Object.fromEntries(codecGroups.map((group) => [`group${group}`, { group }])),
  hadamard: { hadamard: true },
  mask: { zeroMask: true },
  huffman: { huffman: true },
  feedback: { feedback: true },
};

/**
 * `4/8`, `4+mask/8+huffman`, `bfloat16`: forward and backward, or one for both. Null where nothing is to be encoded.
 * @throws UnknownTensorCodecError, GradientBitsError
 */
export function parseLinkCodecs(text: string): LinkCodecs | null {
  const sides = text.split('/');
  if (sides.length > 2) throw new UnknownTensorCodecError(text, text, 'two directions are the most');
  const [forward, backward] = [sides[0]!, sides[1] ?? sides[0]!].map((side) => parseSide(side, text)) as [
    TensorCodec,
    TensorCodec,
  ];
  checkGradientBits({ warmUpSteps: 0, links: [{ forward, backward }] });
  return forward.bits === 32 && backward.bits === 32 ? null : { forward, backward };
}

function parseSide(side: string, text: string): TensorCodec {
  const [width = '', ...rest] = side.split('+');
  const known: TensorCodec | undefined = Object.hasOwn(words, width)
    ? words[width as keyof typeof words]
    : codecBits.flatMap((bits) => (String(bits) === width ? { bits } : []))[0];
  if (known === undefined) {
    throw new UnknownTensorCodecError(width, text, `give 1 to 8, 16 or 32 bits, or ${Object.keys(words).join(', ')}`);
  }
  let codec = known;
  for (const word of rest) {
    const addition = Object.hasOwn(additions, word) ? additions[word] : undefined;
    if (addition === undefined) {
      throw new UnknownTensorCodecError(word, text, `after + comes ${Object.keys(additions).join(', ')}`);
    }
    codec = { ...codec, ...addition };
  }
  const problem = problemOf(codec);
  if (problem !== null) throw new UnknownTensorCodecError(side, text, `it must be ${problem}`);
  return codec;
}

const FLOAT_BYTES = 4;
/** Offset and scale of a group of bit planes, as 16-bit numbers. */
const GROUP_BYTES = 4;
const USUAL_GROUP = 64;

/** Bytes on the wire for a byte of float32, without what a mask or Huffman codes save, which depends on the values. */
export function bytesRatio({ bits, group = USUAL_GROUP }: TensorCodec): number {
  if (bits > 8) return bits / 8 / FLOAT_BYTES;
  return (bits / 8 + GROUP_BYTES / group) / FLOAT_BYTES;
}
