import type { Identity } from '../keyring/identity.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Log } from '../log.ts';
import type { RawChannel } from '../messages/channel.ts';

/** What a broker lets a peer take. The memory that peers can make it hold follows from these. */
export interface BrokerLimits {
  /** Connections at the same time. */
  readonly connections: number;
  /** Bytes a peer may send before its CONNECT is accepted. */
  readonly bytesBeforeConnect: number;
  /** Longest MQTT packet after that. */
  readonly packetBytes: number;
  /** Bytes that may wait for one slow reader before it is disconnected. */
  readonly backlogBytes: number;
  /** How long a connection may take to be accepted, and a slow reader to read on. */
  readonly patienceMilliseconds: number;
  /** How far a board's clock may be off at CONNECT. [protocol §3.4] */
  readonly clockSkewMilliseconds: number;
}

export interface BrokerOptions {
  /** Address to listen on, e.g. 127.0.0.2. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Whose broker it is: the hub, or the board that receives on it. */
  readonly identity: Identity;
  /** The fleet's keys; its `fleet` and `hub` name what topics are about. */
  readonly keyring: Keyring;
  readonly limits?: Partial<BrokerLimits>;
  /** Lets people on this very machine watch (never publish) without a key, e.g. with `mosquitto_sub`. Off by default. */
  readonly allowLocalObservers?: boolean;
  /** Digest of the password with which anybody may watch, and never publish; nobody may when absent. */
  readonly viewer?: Uint8Array | undefined;
  readonly log?: Log;
  /** Closes the broker when aborted. */
  readonly signal?: AbortSignal;
}

/** Why a broker turned something away. */
export type BrokerRefusal =
  | 'packet-too-large'
  | 'not-mqtt'
  | 'protocol-version'
  | 'persistent-session'
  | 'bad-client-id'
  | 'no-token'
  | 'bad-token'
  | 'unknown-sender'
  | 'revoked-sender'
  | 'bad-signature'
  | 'clock-skew'
  | 'token-replayed'
  | 'publish-not-permitted'
  | 'subscribe-not-permitted'
  | 'payload-too-large'
  | 'slow-reader'
  | 'connection-error';

export interface BrokerStats {
  readonly connections: number;
  readonly messagesReceived: number;
  readonly bytesReceived: number;
  readonly refused: Readonly<Partial<Record<BrokerRefusal, number>>>;
}

/** The embedded broker. Publishing and subscribing on it stay inside the process. */
export interface Broker extends RawChannel {
  /** `mqtt://host:port`, with the real port. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Client ids of the boards connected now. */
  readonly clients: readonly string[];
  readonly stats: BrokerStats;
  /** Cuts the connections of a board, e.g. after `keyring.revoke(id)`. */
  disconnect(boardId: string): void;
  close(): Promise<void>;
}
