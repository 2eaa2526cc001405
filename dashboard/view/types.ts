import type {
  DeviceProfile,
  DeviceStage,
  DeviceTelemetry,
  MessageTopic,
  RunMetrics,
  TopicMessage,
} from '../../broker/index.ts';
import type { Plan } from '../../planner/index.ts';

/** The topics that the picture is made of; any member of the fleet may read them. */
export const watchedTopics = [
  'deviceState',
  'deviceProfile',
  'deviceService',
  'deviceHeartbeat',
  'deviceTelemetry',
  'deviceStage',
  'runPlan',
  'runState',
  'runMetrics',
  'runEvents',
] as const satisfies readonly MessageTopic[];

export type WatchedTopic = (typeof watchedTopics)[number];

/** One verified message. */
export type Seen = {
  [Topic in WatchedTopic]: {
    readonly topic: Topic;
    /** The board or run in the topic. */
    readonly id: string;
    /** When it was heard, by the watcher's clock: milliseconds since 1970. */
    readonly heardAt: number;
    /** When it was said, by the sender's clock; undefined for a last will. */
    readonly saidAt: number | undefined;
    readonly message: TopicMessage<Topic>;
  };
}[WatchedTopic];

/** What is known of one board. All times are milliseconds since 1970. */
export interface BoardView {
  readonly id: string;
  /** Undefined until the board has ever been there. */
  readonly connection: 'online' | 'offline' | 'lost' | undefined;
  /** When it said so; undefined for a last will, which was written before. */
  readonly connectionSince: number | undefined;
  /** Why it is to get no work; undefined while it may have some. */
  readonly drained: string | undefined;
  /** When its latest heartbeat was heard. */
  readonly beatAt: number | undefined;
  readonly profile: DeviceProfile | undefined;
  readonly telemetry: DeviceTelemetry | undefined;
  readonly stage: DeviceStage | undefined;
}

export interface RunView {
  readonly run: string;
  /** As in `runs/RUN/state`; undefined until that was heard. */
  readonly phase: string | undefined;
  readonly term: number;
  /** Why it waits. */
  readonly reason: string | undefined;
  readonly plan: Plan | undefined;
  /** Of the latest step. */
  readonly metrics: RunMetrics | undefined;
  /** Of the latest steps that were seen, oldest first. */
  readonly losses: readonly { readonly step: number; readonly loss: number }[];
  /** When anything was last said of it. */
  readonly saidAt: number;
}

export interface EventView {
  readonly at: number;
  /** The board or run that it is about. */
  readonly about: string;
  readonly what: string;
  readonly text: string;
}

/** Everything that is to be seen of a fleet. */
export interface FleetView {
  readonly boards: ReadonlyMap<string, BoardView>;
  readonly runs: ReadonlyMap<string, RunView>;
  /** The latest, oldest first. */
  readonly events: readonly EventView[];
}

/** silent: connected, but its heartbeats stay out; unseen: it has never been there since the hub was started. */
export type Standing = 'online' | 'silent' | 'offline' | 'lost' | 'unseen';

/** The fleet before anything was heard. */
export function emptyView(boards: readonly string[]): FleetView {
  return { boards: new Map(boards.map((id) => [id, newBoard(id)])), runs: new Map(), events: [] };
}

export function newBoard(id: string): BoardView {
  return {
    id,
    connection: undefined,
    connectionSince: undefined,
    drained: undefined,
    beatAt: undefined,
    profile: undefined,
    telemetry: undefined,
    stage: undefined,
  };
}
