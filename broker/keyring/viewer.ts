import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

// Somebody who may look and never act: a password instead of a key, since any MQTT client knows how to use one. What the
// fleet file says is its digest. It is 32 random bytes, so that a plain digest cannot be tried through. [protocol §3.8]

/** The user name at CONNECT. A fleet that has a viewer has no board of this name. */
export const VIEWER = 'viewer';

/** Length of the digest of a password. */
export const VIEWER_DIGEST_BYTES = 32;

const PASSWORD_BYTES = 32;

export const newViewerPassword = (): string => randomBytes(PASSWORD_BYTES).toString('base64url');

/** SHA-256. */
export function viewerDigest(password: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(password).digest());
}

export function isViewerPassword(digest: Uint8Array, password: string): boolean {
  return timingSafeEqual(digest, viewerDigest(password));
}
