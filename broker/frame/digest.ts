import { createHash, type Hash, hash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Digests of a payload; ids are of the wire. A shorter digest is filled up with zeros. [protocol §6.5] */
export const digests = {
  sha256: { id: 1, bytes: 32, algorithm: 'sha256' },
  blake2b512: { id: 2, bytes: 64, algorithm: 'blake2b512' },
} as const;
export type DigestName = keyof typeof digests;

const nameById = new Map<number, DigestName>(
  (Object.keys(digests) as DigestName[]).map((name) => [digests[name].id, name]),
);

export const digestOf = (id: number): DigestName | undefined => nameById.get(id);

/** The digest of `payload`: 32 or 64 bytes. */
export function digestBytes(name: DigestName, payload: Uint8Array): Buffer {
  return hash(digests[name].algorithm, payload, 'buffer');
}

/** The digest of a payload that comes in parts; taken while they are still in the processor's cache. */
export function startDigest(name: DigestName): Hash {
  return createHash(digests[name].algorithm);
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
