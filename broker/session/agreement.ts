import {
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { canonicalJson } from '../json.ts';

/** Bytes of an X25519 public key (RFC 7748 §5). */
const PUBLIC_KEY_BYTES = 32;
const TAG_KEY_BYTES = 32;
// RFC 8410: what DER (SPKI) puts in front of a raw X25519 public key.
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

/** The keys of one session: each proves one thing. [protocol §7] */
export interface SessionKeys {
  /** Of HMAC-SHA256 over heads. */
  readonly head: KeyObject;
  /** Of ChaCha20-Poly1305 over payloads. */
  readonly payload: KeyObject;
  /** Of HMAC-SHA256 over the receiver's statuses. */
  readonly status: KeyObject;
}

/** Everything that a session's keys are bound to, besides both public keys. */
export interface SessionPlace {
  readonly fleet: string;
  readonly from: string;
  readonly to: string;
  readonly run: string;
  /** Of the link's sender, and which of its offers. */
  readonly incarnation: number;
  readonly number: number;
}

/** Which end of the link a key pair is of. */
export type SessionEnd = 'sender' | 'receiver';

/** A key pair that exists for one session only, or for all sessions with one opening of a receiver. */
export interface SessionPair {
  /** Base64 of the 32 bytes. */
  readonly publicKey: string;
  /** The keys agreed with the other end; null where what it said is no key. */
  agree(otherKey: string, place: SessionPlace): SessionKeys | null;
}

/** A new pair from the system's random source. */
export function createSessionPair(end: SessionEnd): SessionPair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const own = publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length).toString('base64');
  return {
    publicKey: own,
    agree(otherKey, place) {
      const secret = sharedSecret(privateKey, otherKey);
      if (secret === null) return null;
      const keys =
        end === 'sender' ? { senderKey: own, receiverKey: otherKey } : { senderKey: otherKey, receiverKey: own };
      return deriveKeys(secret, { ...place, ...keys });
    },
  };
}

function sharedSecret(privateKey: KeyObject, otherKey: string): Buffer | null {
  const raw = Buffer.from(otherKey, 'base64');
  if (raw.length !== PUBLIC_KEY_BYTES || raw.toString('base64') !== otherKey) return null;
  try {
    const publicKey = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
    return diffieHellman({ privateKey, publicKey });
  } catch {
    // A point of small order: its secret would be known to everybody. [RFC 7748 §6.1]
    return null;
  }
}

function deriveKeys(secret: Buffer, bound: SessionPlace & { senderKey: string; receiverKey: string }): SessionKeys {
  const { fleet, from, to, run, incarnation, number, senderKey, receiverKey } = bound;
  const about = canonicalJson({ fleet, from, to, run, incarnation, number, senderKey, receiverKey });
  const bytes = Buffer.from(hkdfSync('sha256', secret, '', `flotilla session 1\n${about}`, 3 * TAG_KEY_BYTES));
  const key = (index: number): KeyObject =>
    createSecretKey(bytes.subarray(index * TAG_KEY_BYTES, (index + 1) * TAG_KEY_BYTES));
  return { head: key(0), payload: key(1), status: key(2) };
}
