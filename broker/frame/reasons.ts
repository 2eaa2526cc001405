/** Why bytes are not a frame; found by looking at them alone. */
export const malformedReasons = [
  'too-short',
  'bad-length',
  'unsupported-version',
  'unknown-digest',
  'unknown-kind',
  'unknown-dtype',
  'bad-shape',
  'bad-number',
  'bad-id',
  'bad-padding',
  'bad-chunk',
  'too-large',
] as const;

/** Why a well-formed frame is not believed. */
export const untrustedReasons = [
  'other-fleet',
  'unknown-sender',
  'revoked-sender',
  'unknown-session',
  'bad-signature',
  'bad-digest',
] as const;

/** Why a believed frame has no place on its link. */
export const misplacedReasons = [
  'other-link',
  'other-run',
  'older-term',
  'newer-term',
  'replayed',
  'duplicate',
  'no-credit',
  'tensor-too-large',
  'unknown-codec',
  'bad-encoding',
  'chunk-missing',
  'chunk-twice',
  'chunk-of-another-tensor',
] as const;

export type MalformedReason = (typeof malformedReasons)[number];
export type UntrustedReason = (typeof untrustedReasons)[number];
export type MisplacedReason = (typeof misplacedReasons)[number];
/** Every reason for which a frame is dropped. */
export type FrameRefusal = MalformedReason | UntrustedReason | MisplacedReason;
