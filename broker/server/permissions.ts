import type { Keyring } from '../keyring/keyring.ts';
import { type ParsedTopic, parseTopic, playsRole, rowsOfFilter, topicRow } from '../topics.ts';

/**
 * Who a connection is: a member of the fleet that proved its key, or somebody who may only watch: an observer on this machine, or
 * a viewer from anywhere. A member that watches gave up the right to publish when it connected.
 */
export type Principal =
  | { readonly kind: 'board'; readonly id: string; readonly watches?: boolean }
  | { readonly kind: 'observer' }
  | { readonly kind: 'viewer' };

/** What a broker lets its connections do; derived from the table of topics. */
export interface Permissions {
  /** The reason why not, or null. */
  publishProblem(principal: Principal, packet: PublishRequest): PublishProblem | null;
  maySubscribe(principal: Principal, filter: string): boolean;
  /** Asked for every delivery, so that a revocation takes hold at once. */
  mayReceive(principal: Principal, topic: string): boolean;
}

export interface PublishRequest {
  readonly topic: string;
  readonly bytes: number;
  readonly qos: number;
  readonly retain: boolean;
}

export type PublishProblem = 'publish-not-permitted' | 'payload-too-large' | 'revoked-sender';

/** @param owner id of the board or hub whose broker it is. */
export function createPermissions(keyring: Keyring, owner: string): Permissions {
  /** A board's own broker carries only links to that board; the hub's carries also those of boards that cannot reach each other. */
  const carriedHere = ({ name, params }: ParsedTopic): boolean =>
    owner === keyring.hub || (topicRow(name).broker === 'receiver' && params.to === owner);
  const mayWatch = ({ name }: ParsedTopic): boolean => topicRow(name).carries !== 'frame';

  return {
    publishProblem(principal, { topic, bytes, qos, retain }) {
      const parsed = parseTopic(keyring.fleet, topic);
      if (principal.kind !== 'board' || principal.watches === true) return 'publish-not-permitted';
      if (parsed === null || !carriedHere(parsed)) return 'publish-not-permitted';
      if (keyring.problemOf(principal.id) !== null) return 'revoked-sender';
      const row = topicRow(parsed.name);
      const permitted = playsRole(row.publisher, principal.id, parsed.params, keyring.hub);
      if (!permitted || qos > row.qos || (retain && !row.retained)) return 'publish-not-permitted';
      return bytes > row.maxBytes ? 'payload-too-large' : null;
    },
    maySubscribe(principal, filter) {
      const rows = rowsOfFilter(keyring.fleet, filter);
      if (rows.length === 0) return false;
      // What they must not see is held back at delivery, so that they may ask for the whole fleet.
      if (principal.kind !== 'board') return true;
      return rows.every((row) => {
        return carriedHere(row) && playsRole(topicRow(row.name).subscriber, principal.id, row.params, keyring.hub);
      });
    },
    mayReceive(principal, topic) {
      if (principal.kind === 'board') return keyring.problemOf(principal.id) === null;
      const parsed = parseTopic(keyring.fleet, topic);
      if (parsed === null) return false;
      return principal.kind === 'viewer' ? topicRow(parsed.name).subscriber === 'member' : mayWatch(parsed);
    },
  };
}
