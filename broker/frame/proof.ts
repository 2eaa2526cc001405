import type { Identity } from '../keyring/identity.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { SessionKeys } from '../session/agreement.ts';
import type { FindSession, SessionNumber } from '../session/book.ts';
import { type RunningDigest, sameBytes, startPayloadTag, TAG_BYTES, tagOf } from '../session/tags.ts';
import { type DigestName, digestBytes, digests, type FrameDigest, startDigest } from './digest.ts';
import type { FrameHeader } from './header.ts';
import { at, signedPart, tagFields } from './layout.ts';
import type { UntrustedReason } from './reasons.ts';

/** How a sender proves its frames: what begins the digest field and the signature field. */
export interface FrameProof {
  readonly digest: FrameDigest;
  /** Asked once a frame, before `sign`. */
  digestOf(payload: Uint8Array): Buffer;
  /** Of a head in which everything else is written. */
  sign(head: Buffer): Buffer;
}

/** Each frame is signed by itself. */
export function signing(identity: Identity, digest: DigestName): FrameProof {
  return {
    digest,
    digestOf: (payload) => digestBytes(digest, payload),
    sign: (head) => identity.sign(signedPart(head)),
  };
}

/** Frames are tagged with the keys of a session; each has a counter of its own, in the order of asking. */
export function tagging(keys: SessionKeys, number: number): FrameProof {
  let counter = 0;
  return {
    digest: 'poly1305',
    digestOf(payload) {
      counter += 1;
      const running = startPayloadTag(keys, counter);
      running.update(payload);
      const field = Buffer.alloc(digests.poly1305.bytes);
      running.digest().copy(field);
      field.writeBigUInt64LE(BigInt(counter), tagFields.counter - at.payloadDigest);
      field.writeUInt32LE(number, tagFields.session - at.payloadDigest);
      return field;
    },
    sign: (head) => tagOf(keys.head, signedPart(head)),
  };
}

/** What a receiver believes by: the fleet's keys, and the sessions agreed on this link. */
export interface Trust {
  readonly keyring: Keyring;
  readonly sessions: FindSession;
}

/** Whether a well-formed head is of the fleet's and of who it says; null where it is. */
export function headProblem(head: Buffer, header: FrameHeader, { keyring, sessions }: Trust): UntrustedReason | null {
  if (header.fleet !== keyring.fleet) return 'other-fleet';
  if (header.digest !== 'poly1305') {
    return keyring.verify(header.from, signedPart(head), head.subarray(at.signature, at.payload));
  }
  const stranger = keyring.problemOf(header.from);
  if (stranger !== null) return stranger;
  const keys = sessions(sessionOf(head, header));
  if (keys === undefined) return 'unknown-session';
  const said = head.subarray(at.signature, at.signature + TAG_BYTES);
  return sameBytes(tagOf(keys.head, signedPart(head)), said) ? null : 'bad-signature';
}

/** The digest, yet to be taken, of the payload of a frame whose head is believed; null where its session is over. */
export function startPayloadDigest(head: Buffer, header: FrameHeader, { sessions }: Trust): RunningDigest | null {
  if (header.digest !== 'poly1305') return startDigest(header.digest);
  const keys = sessions(sessionOf(head, header));
  return keys === undefined ? null : startPayloadTag(keys, Number(head.readBigUInt64LE(tagFields.counter)));
}

/** Whether a payload's digest or tag is the one that the head says; null where it is. */
export function digestProblem(head: Buffer, digest: Buffer): UntrustedReason | null {
  const said = head.subarray(at.payloadDigest, at.payloadDigest + digest.length);
  return sameBytes(digest, said) ? null : 'bad-digest';
}

function sessionOf(head: Buffer, { incarnation }: FrameHeader): SessionNumber {
  return { incarnation, number: head.readUInt32LE(tagFields.session) };
}
