import type { KeyObject } from 'node:crypto';
import { InvalidIdError } from '../errors.ts';
import { requireId } from '../ids.ts';
import { PUBLIC_KEY_BYTES, publicKeyOf, verifyBytes } from './signature.ts';

/** What can be wrong with a signed thing's sender. */
export type SenderProblem = 'unknown-sender' | 'revoked-sender' | 'bad-signature';

export interface KeyringOptions {
  readonly fleet: string;
  /** Id of the hub; `keys` holds its key too. */
  readonly hub: string;
  /** Raw 32-byte public keys by board id. */
  readonly keys: Iterable<readonly [id: string, publicKey: Uint8Array]>;
  readonly revoked?: Iterable<string>;
}

/** The public keys of a fleet, and who of them is no longer trusted. */
export interface Keyring {
  readonly fleet: string;
  readonly hub: string;
  readonly ids: readonly string[];
  /** Null where `id` is known and not revoked. */
  problemOf(id: string): 'unknown-sender' | 'revoked-sender' | null;
  /** Null where `signature` is of `bytes` by the trusted board `id`. */
  verify(id: string, bytes: Uint8Array, signature: Uint8Array): SenderProblem | null;
  /** From now on nothing that `id` signs is accepted. */
  revoke(id: string): void;
}

/** What messages are believed by. */
export type Verifier = Pick<Keyring, 'fleet' | 'hub' | 'problemOf' | 'verify'>;

/** @throws InvalidIdError for a bad id, a key of another length, or a hub without a key. */
export function createKeyring(options: KeyringOptions): Keyring {
  const fleet = requireId('fleet', options.fleet);
  const keys = new Map<string, KeyObject>();
  for (const [id, raw] of options.keys) {
    requireId('board', id);
    if (raw.length !== PUBLIC_KEY_BYTES) {
      throw new InvalidIdError(`public key length of ${id}`, raw.length, `it has ${PUBLIC_KEY_BYTES} bytes`);
    }
    keys.set(id, publicKeyOf(raw));
  }
  if (!keys.has(options.hub)) throw new InvalidIdError('hub', options.hub, 'its public key is not in the keyring');
  const revoked = new Set(options.revoked ?? []);

  const problemOf = (id: string): 'unknown-sender' | 'revoked-sender' | null => {
    if (!keys.has(id)) return 'unknown-sender';
    return revoked.has(id) ? 'revoked-sender' : null;
  };
  return {
    fleet,
    hub: options.hub,
    ids: [...keys.keys()],
    problemOf,
    verify(id, bytes, signature) {
      const key = keys.get(id);
      if (key === undefined) return 'unknown-sender';
      if (revoked.has(id)) return 'revoked-sender';
      return verifyBytes(key, bytes, signature) ? null : 'bad-signature';
    },
    revoke: (id) => void revoked.add(id),
  };
}
