import { createHash, hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RunningDigest } from '../session/tags.ts';

/**
 * How a frame is proven; ids are of the wire. Under a digest the head is signed; a tag is made, as the head's own, with
 * the keys of a session. `bytes` are used of the digest field, `proofBytes` of the signature field; zeros follow.
 * [protocol §6.5]
 */
export const digests = {
  sha256: { id: 1, bytes: 32, proofBytes: 64 },
  blake2b512: { id: 2, bytes: 64, proofBytes: 64 },
  // The tag, its counter and the session's number: see `tagFields`.
  poly1305: { id: 3, bytes: 28, proofBytes: 32 },
} as const;
export type FrameDigest = keyof typeof digests;
/** A digest that anybody can take. */
export type DigestName = Exclude<FrameDigest, 'poly1305'>;

const nameById = new Map<number, FrameDigest>(
  (Object.keys(digests) as FrameDigest[]).map((name) => [digests[name].id, name]),
);

export const digestOf = (id: number): FrameDigest | undefined => nameById.get(id);

/** The digest of `payload`: 32 or 64 bytes. */
export function digestBytes(name: DigestName, payload: Uint8Array): Buffer {
  return hash(name, payload, 'buffer');
}

/** The digest of a payload that comes in parts; taken while they are still in the processor's cache. */
export function startDigest(name: DigestName): RunningDigest {
  return createHash(name);
}

/**
 * The faster digest for a processor: SHA-256 where it has instructions for it (`sha_ni` on x86, `sha2` on ARM; a
 * Pi 4 has none), else BLAKE2b-512.
 * @param cpuinfo the text of `/proc/cpuinfo`
 */
export function preferredDigest(cpuinfo: string): DigestName {
  const features = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(' ') ?? [];
  return features.includes('sha_ni') || features.includes('sha2') ? 'sha256' : 'blake2b512';
}

/** `preferredDigest` of this machine; BLAKE2b-512 where `/proc/cpuinfo` cannot be read. */
export function readPreferredDigest(file = '/proc/cpuinfo'): DigestName {
  try {
    return preferredDigest(readFileSync(file, 'latin1'));
  } catch {
    return 'blake2b512';
  }
}
