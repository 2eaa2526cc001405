import { InvalidMessageError } from '../errors.ts';
import { canonicalJson, isPlainObject } from '../json.ts';
import type { Signer } from '../keyring/identity.ts';
import type { Verifier } from '../keyring/keyring.ts';
import { type MessageTopic, type ParsedTopic, parseTopic, playsRole, type TopicMessage, topicRow } from '../topics.ts';
import { count, id, optional, recordProblem, text } from './fields.ts';
import { messageProblem } from './tables.ts';

/** Why a signed message was dropped. */
export type MessageRefusal =
  | 'unknown-topic'
  | 'too-large'
  | 'not-json'
  | 'bad-envelope'
  | 'unknown-sender'
  | 'revoked-sender'
  | 'not-permitted'
  | 'bad-signature'
  | 'bad-message'
  | 'replayed';

/** Where a message stands in its sender's order: later connection first, then later message. */
export interface Position {
  /** Grows with every connection of the sender. */
  readonly incarnation: number;
  /** Grows with every message of a connection. */
  readonly sequence: number;
}

/** What is signed: everything of the envelope but the signature, and the topic. */
interface Envelope extends Position {
  readonly from: string;
  readonly at?: string;
  readonly message: unknown;
  readonly signature: string;
}

/** A message that came through the door. */
export interface ReceivedMessage<N extends MessageTopic = MessageTopic> extends Position {
  readonly topic: ParsedTopic;
  readonly from: string;
  /** The sender's clock, ISO 8601; for people, never for decisions. */
  readonly at: string | undefined;
  readonly message: TopicMessage<N>;
}

export type OpenedMessage =
  | { readonly ok: true; readonly received: ReceivedMessage }
  | { readonly ok: false; readonly reason: MessageRefusal; readonly detail: string };

// Keeps a signature of a message from being one of a frame or a token.
const DOMAIN = 'flotilla message 1\n';

const envelopeFields = {
  from: id('board'),
  at: optional(text(40)),
  incarnation: count,
  sequence: count,
  // The message itself is checked against its own table; here it only has to be there.
  message: { problem: () => null },
  signature: text(88),
};

/** The sequence number of a last will: after it nothing of its incarnation is valid. [protocol §4.5] */
export const WILL_SEQUENCE = Number.MAX_SAFE_INTEGER;

function signedBytes(topic: string, envelope: Omit<Envelope, 'signature'>): Buffer {
  const { from, at, incarnation, sequence, message } = envelope;
  return Buffer.from(DOMAIN + canonicalJson({ topic, from, at, incarnation, sequence, message }));
}

/**
 * The payload of a signed message: one JSON object that `mosquitto_sub` shows readably.
 * @throws InvalidMessageError where `message` breaks the topic's table (a bug of the caller).
 */
export function sealMessage(
  identity: Signer,
  fleet: string,
  topic: string,
  message: unknown,
  position: Position,
  at?: string,
): Buffer {
  const parsed = parseTopic(fleet, topic);
  const carries = parsed === null ? 'frame' : topicRow(parsed.name).carries;
  if (carries === 'frame') throw new InvalidMessageError(topic, 'this topic carries no messages');
  const problem = messageProblem(carries, message);
  if (problem !== null) throw new InvalidMessageError(carries, problem);
  const unsigned = { from: identity.id, ...(at === undefined ? {} : { at }), ...position, message };
  const signature = identity.sign(signedBytes(topic, unsigned)).toString('base64');
  return Buffer.from(JSON.stringify({ ...unsigned, signature }));
}

/**
 * Opens a payload: size, JSON, envelope, sender, permission, signature, message; in this order, so that the cheap
 * checks come first and nothing unsigned is looked into. Whether it is a replay is the caller's next question.
 * Never throws, whatever the bytes are.
 */
export function openMessage(keyring: Verifier, topic: string, payload: Uint8Array): OpenedMessage {
  const parsed = parseTopic(keyring.fleet, topic);
  if (parsed === null) return refuse('unknown-topic', topic);
  const row = topicRow(parsed.name);
  if (row.carries === 'frame') return refuse('unknown-topic', topic);
  if (payload.length > row.maxBytes) return refuse('too-large', `${payload.length} bytes, at most ${row.maxBytes}`);
  const value = parseJson(payload);
  if (value === undefined) return refuse('not-json', 'the payload is not JSON');
  const problem = recordProblem(envelopeFields, value, 'envelope');
  if (problem !== null || !isPlainObject(value)) return refuse('bad-envelope', problem ?? 'not an object');
  const envelope = value as unknown as Envelope;
  const { from } = envelope;
  const senderProblem = keyring.problemOf(from);
  if (senderProblem !== null) return refuse(senderProblem, from);
  if (!playsRole(row.publisher, from, parsed.params, keyring.hub)) {
    return refuse('not-permitted', `${from} may not publish on ${topic}`);
  }
  if (!signatureHolds(keyring, topic, envelope)) return refuse('bad-signature', `said to be of ${from}`);
  const messageIssue = messageProblem(row.carries, envelope.message);
  if (messageIssue !== null) return refuse('bad-message', messageIssue);
  return { ok: true, received: { ...envelope, topic: parsed, at: envelope.at } as unknown as ReceivedMessage };
}

function signatureHolds(keyring: Verifier, topic: string, envelope: Envelope): boolean {
  try {
    const signature = Buffer.from(envelope.signature, 'base64');
    return keyring.verify(envelope.from, signedBytes(topic, envelope), signature) === null;
  } catch {
    // No canonical form (too deep, a lone surrogate): nobody can have signed it.
    return false;
  }
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return undefined;
  }
}

function refuse(reason: MessageRefusal, detail: string): OpenedMessage {
  return { ok: false, reason, detail };
}
