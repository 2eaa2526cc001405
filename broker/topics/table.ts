import type { MessageOf, MessageType } from '../messages/tables.ts';
import type { Role } from './roles.ts';

export interface TopicRow {
  /** What follows `flotilla/<fleet>/`; `{name}` stands for one level. */
  readonly pattern: string;
  /** Type of the signed JSON message, or `frame` for binary frames. */
  readonly carries: MessageType | 'frame';
  readonly qos: 0 | 1;
  readonly retained: boolean;
  readonly publisher: Role;
  readonly subscriber: Role;
  /** Whose broker carries it: the hub's, or that of the link's receiver. */
  readonly broker: 'hub' | 'receiver';
  /** Longer payloads are refused at the broker. */
  readonly maxBytes: number;
}

const KIB = 1024;
/** Payload of one frame at most; longer tensors go in chunks. */
export const MAX_FRAME_PAYLOAD_BYTES = 1024 * KIB;
/** A whole frame at most: header, signature, payload. */
export const MAX_FRAME_BYTES = MAX_FRAME_PAYLOAD_BYTES + KIB;

/**
 * The one table of topics. Permissions of the embedded broker, the QoS and retain flags of clients, and the type
 * of what travels are all read from here.
 */
export const topics = {
  deviceState: {
    pattern: 'devices/{id}/state',
    carries: 'deviceState',
    qos: 1,
    retained: true,
    publisher: 'self',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 4 * KIB,
  },
  deviceProfile: {
    pattern: 'devices/{id}/profile',
    carries: 'deviceProfile',
    qos: 1,
    retained: true,
    publisher: 'self',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 16 * KIB,
  },
  deviceHeartbeat: {
    pattern: 'devices/{id}/heartbeat',
    carries: 'deviceHeartbeat',
    qos: 0,
    retained: false,
    publisher: 'self',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 4 * KIB,
  },
  deviceService: {
    pattern: 'devices/{id}/service',
    carries: 'deviceService',
    qos: 1,
    retained: true,
    publisher: 'hub',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 4 * KIB,
  },
  deviceTelemetry: {
    pattern: 'devices/{id}/telemetry',
    carries: 'deviceTelemetry',
    qos: 0,
    retained: true,
    publisher: 'self',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 16 * KIB,
  },
  deviceStage: {
    pattern: 'devices/{id}/stage',
    carries: 'deviceStage',
    qos: 1,
    retained: true,
    publisher: 'self',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 4 * KIB,
  },
  deviceCommand: {
    pattern: 'devices/{id}/command',
    carries: 'deviceCommand',
    qos: 1,
    retained: false,
    publisher: 'hub',
    subscriber: 'self',
    broker: 'hub',
    maxBytes: 1024 * KIB,
  },
  deviceReport: {
    pattern: 'devices/{id}/report',
    carries: 'deviceReport',
    qos: 1,
    retained: false,
    publisher: 'self',
    subscriber: 'hub',
    broker: 'hub',
    maxBytes: 256 * KIB,
  },
  runPlan: {
    pattern: 'runs/{run}/plan',
    carries: 'runPlan',
    qos: 1,
    retained: true,
    publisher: 'hub',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 1024 * KIB,
  },
  runState: {
    pattern: 'runs/{run}/state',
    carries: 'runState',
    qos: 1,
    retained: true,
    publisher: 'hub',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 4 * KIB,
  },
  runMetrics: {
    pattern: 'runs/{run}/metrics',
    carries: 'runMetrics',
    qos: 0,
    retained: true,
    publisher: 'hub',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 512 * KIB,
  },
  runEvents: {
    pattern: 'runs/{run}/events',
    carries: 'runEvent',
    qos: 1,
    retained: false,
    publisher: 'hub',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 64 * KIB,
  },
  linkFrames: {
    pattern: 'links/{from}/{to}/frames',
    carries: 'frame',
    qos: 0,
    retained: false,
    publisher: 'from',
    subscriber: 'to',
    broker: 'receiver',
    maxBytes: MAX_FRAME_BYTES,
  },
  linkStatus: {
    pattern: 'links/{from}/{to}/status',
    carries: 'linkStatus',
    qos: 0,
    retained: false,
    publisher: 'to',
    subscriber: 'from',
    broker: 'receiver',
    maxBytes: 4 * KIB,
  },
  linkProbe: {
    pattern: 'links/{from}/{to}/probe',
    carries: 'linkProbe',
    qos: 0,
    retained: false,
    publisher: 'from',
    subscriber: 'to',
    broker: 'receiver',
    maxBytes: 4 * KIB,
  },
  linkWindow: {
    pattern: 'links/{from}/{to}/window',
    carries: 'linkWindow',
    qos: 0,
    retained: true,
    publisher: 'to',
    subscriber: 'from',
    broker: 'receiver',
    maxBytes: 4 * KIB,
  },
} as const satisfies Record<string, TopicRow>;

export type TopicName = keyof typeof topics;
/** Topics whose messages are signed JSON. */
export type MessageTopic = {
  [N in TopicName]: (typeof topics)[N]['carries'] extends MessageType ? N : never;
}[TopicName];
/** The message union that a topic carries. */
export type TopicMessage<N extends MessageTopic> = (typeof topics)[N]['carries'] extends infer T extends MessageType
  ? MessageOf<T>
  : never;

type Holes<P extends string> = P extends `${infer Head}/${infer Rest}`
  ? Holes<Head> | Holes<Rest>
  : P extends `{${infer Name}}`
    ? Name
    : never;
/** The ids that a topic's pattern asks for; in a subscription `'+'` stands for any. */
export type TopicParams<N extends TopicName> = Readonly<Record<Holes<(typeof topics)[N]['pattern']>, string>>;

export const topicNames = Object.keys(topics) as TopicName[];

/** The row of `name`, widened so that all rows read alike. */
export function topicRow(name: TopicName): TopicRow {
  return topics[name];
}
