import { createCipheriv, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { SessionKeys } from './agreement.ts';

/** Bytes of a Poly1305 tag (RFC 8439 §2.5) and of an HMAC-SHA256 (RFC 2104, FIPS 180-4). */
export const PAYLOAD_TAG_BYTES = 16;
export const TAG_BYTES = 32;
const NONCE_BYTES = 12;
const COUNTER_AT = 4;
const NOTHING_ENCRYPTED = { plaintextLength: 0 } as const;

/** A digest that is taken part by part. */
export interface RunningDigest {
  update(part: Uint8Array): unknown;
  digest(): Buffer;
}

/**
 * The tag of a payload that comes in parts: that of ChaCha20-Poly1305 (RFC 8439 §2.8) over the payload as additional
 * data, with nothing to encrypt. Poly1305 is secure for one message a key, so each `counter` is used once: the cipher
 * makes the one-time key of it.
 */
export function startPayloadTag({ payload }: SessionKeys, counter: number): RunningDigest {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeBigUInt64LE(BigInt(counter), COUNTER_AT);
  const cipher = createCipheriv('chacha20-poly1305', payload, nonce, { authTagLength: PAYLOAD_TAG_BYTES });
  return {
    update: (part) => part.length > 0 && cipher.setAAD(part, NOTHING_ENCRYPTED),
    digest() {
      cipher.final();
      return cipher.getAuthTag();
    },
  };
}

/** The tag of a frame's head or of a status, `bytes` being what a signature would be over. */
export function tagOf(key: KeyObject, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}

/** Whether two digests or tags are the same, in a time that does not tell where they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
