import {
  brokerUrl,
  count,
  type Field,
  type Fields,
  flag,
  id,
  json,
  list,
  nullable,
  type ObjectOf,
  optional,
  quantity,
  real,
  record,
  recordProblem,
  share,
  text,
} from './fields.ts';

const board = id('board');
const run = id('run');
const term = count;
const stage = count;
const step = count;
const reason = text(500);
/** Base64 of an X25519 public key. */
const sessionKey = text(44);

/** What a board's firmware says against its CPU; a board that knows fewer leaves the others out. */
const throttleFlags = record({
  underVoltage: optional(flag),
  frequencyCapped: optional(flag),
  throttled: optional(flag),
  softTemperatureLimit: optional(flag),
});

/** Tensors of one link that a status names; credits keep them far below it. */
export const MOST_OF_A_LINK = 48;

/** A stage's message about one step starts with these. */
const stageStep = { run, term, stage, step };

/** A moment by the sender's clock, ISO 8601: for people, never for decisions. */
const moment = text(40);

/** What a board holds of a run. */
const heldStage = { board, since: moment, run, term, stage, firstBlock: count, lastBlock: count };

/** Boards and links of one run at most, in one message. */
const MOST_BOARDS = 1000;
const MOST_LINKS = 4000;
/** Blocks of a model at most, in one message. */
const MOST_BLOCKS = 4000;
/** By block, of its parameters and optimizer state: what a neighbour may send of it. */
const stateBytes = list(count, MOST_BLOCKS);

/**
 * Every message, by type and then by `kind`. The TypeScript types below are derived from it, so that a check and
 * a type cannot part. A new message is one row here and, where it travels on a topic of its own, one in `topics.ts`.
 * Units: seconds, bytes, samples; ids as in `ids.ts`.
 */
export const messageTables = {
  deviceState: {
    online: {
      board,
      dataUrl: brokerUrl,
      engine: record({ name: text(64), version: text(64) }),
      cores: count,
      memoryBytes: count,
      pid: count,
    },
    offline: { board, reason },
    lost: { board },
  },
  deviceProfile: {
    profile: {
      board,
      model: text(128),
      cores: count,
      memoryBytes: count,
      platform: text(64),
      // Absent until the board has measured itself, or has found on its disk that it had.
      measured: optional(
        record({
          at: moment,
          seconds: quantity,
          threads: count,
          ended: text(16),
          measurements: count,
          models: list(text(64), 64),
          copyBytesPerSecond: quantity,
        }),
      ),
    },
  },
  deviceStage: {
    idle: { board, since: moment },
    measuring: { board, since: moment, run, term },
    preparing: heldStage,
    training: heldStage,
  },
  deviceHeartbeat: {
    beat: { board },
  },
  deviceService: {
    drained: { board, reason },
    serving: { board },
  },
  deviceTelemetry: {
    telemetry: {
      board,
      residentBytes: count,
      cpuSeconds: quantity,
      // What a board does not have is absent. [docs/telemetry.md]
      cpuLoad: optional(share),
      cpusOnline: optional(count),
      cpuQuota: optional(quantity),
      frequencyHz: optional(count),
      frequencyMaxHz: optional(count),
      frequencyHardwareMaxHz: optional(count),
      frequencies: optional(
        list(
          record({
            policy: count,
            hz: optional(count),
            maxHz: optional(count),
            hardwareMaxHz: optional(count),
          }),
          64,
        ),
      ),
      temperatureC: optional(real),
      temperatureZone: optional(text(64)),
      gpuTemperatureC: optional(real),
      throttled: optional(flag),
      throttle: optional(record({ now: throttleFlags, sinceBoot: optional(throttleFlags) })),
      memoryFreeBytes: optional(count),
      gpuLoad: optional(share),
      gpuFrequencyHz: optional(count),
      gpuFrequencyMaxHz: optional(count),
    },
  },
  deviceCommand: {
    survey: { run, term, round: count, wish: json },
    // No stage for a board that only gives state away that it holds.
    prepare: {
      run,
      term,
      stage: nullable(stage),
      plan: json,
      fromStep: step,
      // By block, who gives its state of `fromStep`, null for the hub; empty where boards start from the seed.
      sources: list(nullable(board), MOST_BLOCKS),
      stateBytes,
      hubUrl: brokerUrl,
      linkPatienceSeconds: optional(quantity),
    },
    // At `toStep` boards send their state to the hub, to their neighbours, or nowhere.
    grant: { run, term, toStep: step, capture: flag, replicate: flag },
    // All state that the board holds of the run, but of this step.
    forget: { run, but: nullable(step) },
    clip: { run, term, step, squaredNorm: quantity },
    // The next plan, built beside the training of the one before; no stage for a board that only gives blocks away.
    propose: {
      run,
      term,
      stage: nullable(stage),
      plan: json,
      before: json,
      stateBytes,
      hubUrl: brokerUrl,
      linkPatienceSeconds: optional(quantity),
    },
    commit: { run, term, step },
    // How links encode from the next step on.
    encode: { run, term, codecs: json },
    stop: { run, term, reason },
  },
  deviceReport: {
    surveyed: { run, term, round: count, survey: nullable(json), problem: optional(text(4_000)) },
    prepared: { run, term, stage, seconds: quantity },
    // How long it took, and of that opening links.
    ready: { run, term, seconds: quantity, linkSeconds: quantity },
    moved: { run, term, seconds: quantity, bytes: count },
    step: {
      ...stageStep,
      loss: nullable(real),
      samples: count,
      computeSeconds: quantity,
      overheadSeconds: quantity,
      waitSeconds: quantity,
      wallSeconds: quantity,
      bytesSent: count,
      bytesReceived: count,
      links: list(
        record({
          to: board,
          bytes: count,
          busySeconds: optional(quantity),
          relativeError: optional(quantity),
          notFinite: optional(count),
        }),
        16,
      ),
    },
    norms: { ...stageStep, squaredNorms: list(quantity, 10_000) },
    captured: { ...stageStep, tensors: count, bytes: count },
    // All of its state of this step is on the board that it is told to be on, too.
    replicated: { ...stageStep, to: board, bytes: count, seconds: quantity },
    failed: { ...stageStep, error: record({ code: text(64), message: text(4_000) }) },
    stopped: { run, term, stage },
  },
  runPlan: {
    plan: { run, term, plan: json },
  },
  runState: {
    state: { run, term, phase: text(32), step, reason: optional(text(500)) },
  },
  runMetrics: {
    metrics: {
      run,
      term,
      step,
      steps: count,
      loss: nullable(real),
      // Of this step: from the end of the one before to its own, as the hub saw them.
      seconds: quantity,
      samples: count,
      // Of the latest steps together.
      samplesPerSecond: quantity,
      secondsLeft: quantity,
      boards: list(
        record({
          board,
          stage,
          computeSeconds: quantity,
          overheadSeconds: quantity,
          waitSeconds: quantity,
          wallSeconds: quantity,
          busyShare: share,
        }),
        MOST_BOARDS,
      ),
      links: list(
        record({
          from: board,
          to: board,
          bytes: count,
          busySeconds: optional(quantity),
          relativeError: optional(quantity),
          notFinite: optional(count),
        }),
        MOST_LINKS,
      ),
    },
  },
  runEvent: {
    event: { run, what: text(64), detail: json },
  },
  linkWindow: {
    // By kind of frame: tensors, and bytes in all. `key` is the receiver's, for sessions.
    window: { run, term, credits: json, bytes: json, maxTensorBytes: count, key: optional(sessionKey) },
  },
  // The whole of what a receiver has of a link's tensors, so that any later one makes up for one that was lost.
  linkStatus: {
    status: {
      run,
      incarnation: count,
      answers: count,
      next: count,
      open: list(record({ sequence: count, chunks: count }), MOST_OF_A_LINK),
      held: list(count, MOST_OF_A_LINK),
      lost: list(record({ sequence: count, reason: text(64) }), MOST_OF_A_LINK),
      refused: count,
      /** The sender's session that is known. */
      session: optional(count),
    },
  },
  linkProbe: {
    probe: { run, incarnation: count, number: count, underWay: list(count, MOST_OF_A_LINK) },
    // The sender's key for a session, and the receiver's that it goes with.
    session: { run, incarnation: count, number: count, key: sessionKey, answers: sessionKey },
  },
} as const satisfies Record<string, Record<string, Fields>>;

export type MessageTables = typeof messageTables;
export type MessageType = keyof MessageTables;

/** The tagged union of a message type's kinds. */
export type MessageOf<T extends MessageType> = {
  [K in keyof MessageTables[T]]: { readonly kind: K } & ObjectOf<MessageTables[T][K]>;
}[keyof MessageTables[T]];

export type DeviceState = MessageOf<'deviceState'>;
export type DeviceProfile = MessageOf<'deviceProfile'>;
export type DeviceHeartbeat = MessageOf<'deviceHeartbeat'>;
export type DeviceService = MessageOf<'deviceService'>;
export type DeviceTelemetry = MessageOf<'deviceTelemetry'>;
export type DeviceStage = MessageOf<'deviceStage'>;
export type DeviceCommand = MessageOf<'deviceCommand'>;
export type DeviceReport = MessageOf<'deviceReport'>;
export type RunPlan = MessageOf<'runPlan'>;
export type RunState = MessageOf<'runState'>;
export type RunMetrics = MessageOf<'runMetrics'>;
export type RunEvent = MessageOf<'runEvent'>;
export type LinkWindow = MessageOf<'linkWindow'>;
export type LinkStatus = MessageOf<'linkStatus'>;
export type LinkProbe = MessageOf<'linkProbe'>;

const kindField: Field<string> = text(32);

/** What keeps `value` from being a message of `type`, naming the field; null where nothing does. */
export function messageProblem(type: MessageType, value: unknown): string | null {
  const kinds: Record<string, Fields> = messageTables[type];
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) {
    return `${type}.kind is not one of ${Object.keys(kinds).join(', ')}`;
  }
  return recordProblem({ kind: kindField, ...kinds[kind] }, value, kind);
}
