import { isId } from '../ids.ts';
import { canonicalJson } from '../json.ts';
import type { Identity } from '../keyring/identity.ts';
import type { Keyring } from '../keyring/keyring.ts';

/** Why a CONNECT is refused. */
export type TokenRefusal =
  | 'bad-client-id'
  | 'no-token'
  | 'bad-token'
  | 'unknown-sender'
  | 'revoked-sender'
  | 'bad-signature'
  | 'clock-skew'
  | 'token-replayed';

// Keeps a signature of a token from being one of a message or a frame.
const DOMAIN = 'flotilla token 1\n';
const FORM = /^flotilla-token-1 ([0-9]{1,15}) ([A-Za-z0-9+/]{86}==)$/;
const PURPOSE = /^[a-z0-9-]{1,32}$/;

/** Client ids that one broker remembers; the fleet's boards have a few each. */
const REMEMBERED_CLIENTS = 1024;

/** `<board>` or `<board>:<purpose>`: one board may hold several connections to one broker. */
export function formatClientId(board: string, purpose?: string): string {
  return purpose === undefined ? board : `${board}:${purpose}`;
}

/** The board of a client id, or null where the id has another form. */
export function boardOfClientId(clientId: string): string | null {
  const [board = '', purpose, ...more] = clientId.split(':');
  const formed = more.length === 0 && (purpose === undefined || PURPOSE.test(purpose));
  return formed && isId('board', board) ? board : null;
}

/** Purposes that begin so are those of connections that only watch. [protocol §3.8] */
const WATCHING = 'watch';

/** A purpose for a connection that may publish nothing; `name` tells several of one member apart. */
export function watchingPurpose(name: string): string {
  return `${WATCHING}-${name}`;
}

export function isWatching(clientId: string): boolean {
  return clientId.split(':')[1]?.startsWith(`${WATCHING}-`) === true;
}

function signedBytes(fleet: string, broker: string, client: string, issuedAt: number): Buffer {
  return Buffer.from(DOMAIN + canonicalJson({ fleet, broker, client, issuedAt }));
}

/**
 * The password of an MQTT CONNECT: a signature over fleet, broker, client id and time. [protocol §3.2]
 * @param issuedAt milliseconds since 1970; has to grow from one connect to the next.
 */
export function createToken(
  identity: Identity,
  fleet: string,
  broker: string,
  clientId: string,
  issuedAt: number,
): string {
  const signature = identity.sign(signedBytes(fleet, broker, clientId, issuedAt)).toString('base64');
  return `flotilla-token-1 ${issuedAt} ${signature}`;
}

/** Checks the tokens of one broker. */
export interface TokenCheck {
  /** Null where the CONNECT may pass. */
  problem(clientId: string, username: string | undefined, password: string | undefined): TokenRefusal | null;
}

export interface TokenCheckNeeds {
  readonly keyring: Keyring;
  /** Id of the board or hub whose broker this is. */
  readonly broker: string;
  readonly clockSkewMilliseconds: number;
  readonly now: () => number;
}

/**
 * A token holds once: the next one of the same client id has to be younger. The window around the broker's clock
 * only bounds what an eavesdropper could replay after a restart; it is wide, because boards have no clock of their own.
 */
export function createTokenCheck(needs: TokenCheckNeeds): TokenCheck {
  const { keyring, broker, clockSkewMilliseconds, now } = needs;
  const lastIssued = new Map<string, number>();
  return {
    problem(clientId, username, password) {
      const board = boardOfClientId(clientId);
      if (board === null || board !== username) return 'bad-client-id';
      if (password === undefined) return 'no-token';
      const [, time, signature] = FORM.exec(password) ?? [];
      if (time === undefined || signature === undefined) return 'bad-token';
      const issuedAt = Number(time);
      const bytes = signedBytes(keyring.fleet, broker, clientId, issuedAt);
      const problem = keyring.verify(board, bytes, Buffer.from(signature, 'base64'));
      if (problem !== null) return problem;
      if (Math.abs(now() - issuedAt) > clockSkewMilliseconds) return 'clock-skew';
      if (issuedAt <= (lastIssued.get(clientId) ?? -1)) return 'token-replayed';
      lastIssued.delete(clientId);
      lastIssued.set(clientId, issuedAt);
      if (lastIssued.size > REMEMBERED_CLIENTS) lastIssued.delete(lastIssued.keys().next().value as string);
      return null;
    },
  };
}
