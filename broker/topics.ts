import { InvalidIdError } from './errors.ts';
import { type IdKind, isId, requireId } from './ids.ts';
import type { MessageOf, MessageType } from './messages/tables.ts';

/** Who may do something on a topic: the hub, the board in `{id}`, an end of the link, or any board of the fleet. */
export type Role = 'hub' | 'self' | 'from' | 'to' | 'member';

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
  deviceTelemetry: {
    pattern: 'devices/{id}/telemetry',
    carries: 'deviceTelemetry',
    qos: 0,
    retained: false,
    publisher: 'self',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 16 * KIB,
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
  runMetrics: {
    pattern: 'runs/{run}/metrics',
    carries: 'runMetrics',
    qos: 0,
    retained: false,
    publisher: 'hub',
    subscriber: 'member',
    broker: 'hub',
    maxBytes: 16 * KIB,
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
  linkCredits: {
    pattern: 'links/{from}/{to}/credits',
    carries: 'linkCredit',
    qos: 0,
    retained: false,
    publisher: 'to',
    subscriber: 'from',
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

/** A topic taken apart; `params` holds the ids by the pattern's names. */
export interface ParsedTopic {
  readonly name: TopicName;
  readonly params: Readonly<Record<string, string>>;
}

const ROOT = 'flotilla';
const ANY = '+';

const idKinds: Readonly<Record<string, IdKind>> = { id: 'board', from: 'board', to: 'board', run: 'run' };

interface Level {
  readonly text: string;
  /** Set where the level is a hole of the pattern. */
  readonly hole?: string;
}

const levelsOf = (pattern: string): readonly Level[] =>
  pattern.split('/').map((text) => (text.startsWith('{') ? { text, hole: text.slice(1, -1) } : { text }));

export const topicNames = Object.keys(topics) as TopicName[];
const levelsByName = Object.fromEntries(topicNames.map((name) => [name, levelsOf(topics[name].pattern)])) as Record<
  TopicName,
  readonly Level[]
>;

/** The row of `name`, widened so that all rows read alike. */
export function topicRow(name: TopicName): TopicRow {
  return topics[name];
}

/**
 * `formatTopic('lab', 'deviceState', {id: 'pi-1'})` is `flotilla/lab/devices/pi-1/state`.
 * @throws InvalidIdError for a fleet, board or run id that breaks its rule.
 */
export function formatTopic<N extends TopicName>(fleet: string, name: N, params: TopicParams<N>): string {
  return formatLevels(fleet, name, params as Readonly<Record<string, string>>, false);
}

/** As `formatTopic`, where `'+'` stands for any id. */
export function formatFilter<N extends TopicName>(fleet: string, name: N, params: TopicParams<N>): string {
  return formatLevels(fleet, name, params as Readonly<Record<string, string>>, true);
}

function formatLevels(fleet: string, name: TopicName, params: Readonly<Record<string, string>>, any: boolean): string {
  const levels = levelsByName[name].map(({ text, hole }) => {
    if (hole === undefined) return text;
    const value = params[hole];
    if (any && value === ANY) return ANY;
    return requireId(idKinds[hole] ?? 'board', value);
  });
  return [ROOT, requireId('fleet', fleet), ...levels].join('/');
}

/** The row and ids of a topic of `fleet`, or null for anything that the table does not hold. */
export function parseTopic(fleet: string, topic: string): ParsedTopic | null {
  const levels = ownLevels(fleet, topic);
  if (levels === null) return null;
  for (const name of topicNames) {
    const params = matchLevels(levelsByName[name], levels, false);
    if (params !== null) return { name, params };
  }
  return null;
}

/**
 * Every row that a subscription's filter could receive, with `'+'` where the filter leaves an id open.
 * Empty for filters outside the fleet.
 */
export function rowsOfFilter(fleet: string, filter: string): readonly ParsedTopic[] {
  const levels = ownLevels(fleet, filter);
  if (levels === null) return [];
  return topicNames.flatMap((name) => {
    const pattern = levelsByName[name];
    const whole = levels.at(-1) === '#' ? expandRest(levels, pattern.length) : levels;
    const params = whole === null ? null : matchLevels(pattern, whole, true);
    return params === null ? [] : [{ name, params }];
  });
}

/** MQTT 3.1.1 §4.7: whether a topic is one of those that `filter` asks for. */
export function matchesFilter(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  const levels = topic.split('/');
  const wanted = filter.split('/');
  if (wanted.at(-1) === '#') {
    const fixed = wanted.slice(0, -1);
    return fixed.length <= levels.length && fixed.every((level, at) => level === ANY || level === levels[at]);
  }
  return wanted.length === levels.length && wanted.every((level, at) => level === ANY || level === levels[at]);
}

/** `a/#` as a pattern of `length` levels: the rest is open. MQTT 3.1.1 §4.7.1.2: `#` also matches its parent. */
function expandRest(levels: readonly string[], length: number): readonly string[] | null {
  const fixed = levels.slice(0, -1);
  return fixed.length > length ? null : [...fixed, ...Array<string>(length - fixed.length).fill(ANY)];
}

function ownLevels(fleet: string, topic: string): readonly string[] | null {
  const [root, owner, ...levels] = topic.split('/');
  return root === ROOT && owner === fleet ? levels : null;
}

function matchLevels(
  pattern: readonly Level[],
  levels: readonly string[],
  any: boolean,
): Readonly<Record<string, string>> | null {
  if (pattern.length !== levels.length) return null;
  const params: Record<string, string> = {};
  for (const [at, { text, hole }] of pattern.entries()) {
    const level = levels[at] as string;
    if (any && level === ANY) {
      if (hole !== undefined) params[hole] = ANY;
    } else if (hole === undefined) {
      if (level !== text) return null;
    } else {
      if (!isId(idKinds[hole] ?? 'board', level)) return null;
      params[hole] = level;
    }
  }
  return params;
}

/** Whether the board `id` plays `role` on a topic with these ids. An open id (`'+'`) is nobody's own. */
export function playsRole(role: Role, id: string, params: Readonly<Record<string, string>>, hub: string): boolean {
  switch (role) {
    case 'hub':
      return id === hub;
    case 'self':
      return params.id === id;
    case 'from':
      return params.from === id;
    case 'to':
      return params.to === id;
    case 'member':
      return true;
    default:
      role satisfies never;
      throw new InvalidIdError('role', role, 'it is not in the table of topics');
  }
}
