import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { InvalidIdError } from '../errors.ts';
import { requireId } from '../ids.ts';
import { privateKeyOf, SEED_BYTES, signBytes } from './signature.ts';

/** Who signs: a board or the hub with its private key. */
export interface Identity {
  readonly id: string;
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array;
  /** The 64-byte Ed25519 signature of `bytes`. */
  sign(bytes: Uint8Array): Buffer;
  /** A copy of the 32-byte seed, for the key file only. It is a method so that no log prints it by accident. */
  exportSeed(): Uint8Array;
}

/** What signs messages. */
export type Signer = Pick<Identity, 'id' | 'sign'>;

/** A new identity from the system's random source. */
export function generateIdentity(id: string): Identity {
  return identityFromSeed(id, randomBytes(SEED_BYTES));
}

/**
 * The identity of a 32-byte seed; the same seed gives the same keys.
 * The pair comes from tweetnacl, signing from `node:crypto`, which takes 0.05 ms where tweetnacl takes 2 ms.
 * @throws InvalidIdError for an id that topics cannot carry, or a seed of another length.
 */
export function identityFromSeed(id: string, seed: Uint8Array): Identity {
  requireId('board', id);
  if (seed.length !== SEED_BYTES) {
    throw new InvalidIdError('seed length', seed.length, `an Ed25519 seed has ${SEED_BYTES} bytes`);
  }
  const ownSeed = Uint8Array.from(seed);
  const { publicKey } = nacl.sign.keyPair.fromSeed(ownSeed);
  const privateKey = privateKeyOf(ownSeed);
  return {
    id,
    publicKey,
    sign: (bytes) => signBytes(privateKey, bytes),
    exportSeed: () => Uint8Array.from(ownSeed),
  };
}
