import { availableParallelism } from 'node:os';
import {
  type Broker,
  type Client,
  connectClient,
  createMqttTransport,
  createRelayTransport,
  type DeviceState,
  type Identity,
  type Keyring,
  type Log,
  silent,
  startBroker,
} from '../../broker/index.ts';
import type { FittedModel } from '../../planner/index.ts';
import { onnxRuntime } from '../engine/index.ts';
import { createTelemetry, type Inventory, publishTelemetry, takeInventory } from '../telemetry/index.ts';
import type { BoardRunNeeds } from './board-run.ts';
import { CommandDesk } from './command-desk.ts';
import { EngineShelf } from './engine-shelf.ts';
import { startHeartbeat } from './heartbeat.ts';
import { HeldState } from './held-state.ts';
import { profileMessage } from './profile-message.ts';
import { SampleShelf } from './sample-shelf.ts';
import { createStageNotice } from './stage-notice.ts';
import { Surveyor } from './survey.ts';

export interface BoardOptions {
  readonly identity: Identity;
  readonly keyring: Keyring;
  /** `mqtt://host:port` of the hub's broker. */
  readonly hubUrl: string;
  /** Where the board's own broker listens; port 0 takes any free one. */
  readonly host: string;
  readonly port: number;
  /** Threads of one operation; 0 leaves it to the engine. */
  readonly threads: number;
  /** `mqtt://host:port` of a broker that carries the data where boards cannot reach each other; the same for all boards. */
  readonly dataBroker?: string;
  /** Whether each frame is signed by itself, also where the other end would agree on session keys. Not when absent. */
  readonly signsFrames?: boolean;
  /** What training may use; all that the machine has when absent. */
  readonly memoryBytes?: number;
  /** Decides which blocks the board measures when a hub asks it to measure itself. */
  readonly predictor: FittedModel;
  /** Where the board keeps its profile; only in memory when absent. */
  readonly profiles?: string;
  readonly telemetry?: {
    /** Between two messages; 0 sends none. 5 when not given. */
    readonly seconds?: number;
    /** Where `proc` and `sys` lie; `/` when not given. */
    readonly root?: string;
  };
  readonly log?: Log;
  readonly signal?: AbortSignal;
}

/** A running board. */
export interface Board {
  readonly id: string;
  readonly dataUrl: string;
  /** Resolves when the board has ended: with the error that ended it, or undefined after `close`. */
  readonly ended: Promise<Error | undefined>;
  /** Says goodbye to the hub and frees everything. */
  close(reason?: string): Promise<void>;
}

/** Opening a link waits for the other board to have loaded its stage. */
const linkPatienceMilliseconds = 120_000;
export const TELEMETRY_SECONDS = 5;

/**
 * Starts the process's board: its own broker for the data, a connection to the hub's for control, and whatever the
 * coordinator asks for.
 */
export async function startBoard(options: BoardOptions): Promise<Board> {
  const { identity, keyring, log = silent } = options;
  const own = await startBroker({ host: options.host, port: options.port, identity, keyring, log });
  try {
    const hub = await connectClient({
      url: options.hubUrl,
      identity,
      keyring,
      log,
      will: { name: 'deviceState', params: { id: identity.id }, message: { kind: 'lost', board: identity.id } },
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const inventory = await takeInventory();
    const { memoryBytes = inventory.memoryBytes } = options;
    return await openBoard(options, own, hub, { ...inventory, memoryBytes });
  } catch (error) {
    await own.close();
    throw error;
  }
}

async function openBoard(options: BoardOptions, own: Broker, hub: Client, inventory: Inventory): Promise<Board> {
  const { identity, keyring, threads, signsFrames = false, log = silent } = options;
  const { id } = identity;
  const addresses = new Map<string, string>();
  const needs = { identity, keyring, log, tags: !signsFrames, timeoutMilliseconds: linkPatienceMilliseconds };
  const dataUrl = options.dataBroker ?? own.url;
  const transport =
    options.dataBroker === undefined
      ? createMqttTransport({ ...needs, broker: own, addressOf: (board) => addresses.get(board) })
      : await createRelayTransport({ ...needs, url: options.dataBroker }).catch(async (error) => {
          await hub.close();
          throw error;
        });
  const { predictor, profiles } = options;
  const report: BoardRunNeeds['report'] = (message) => hub.publish('deviceReport', { id }, message);
  const notice = createStageNotice({ board: id, publish: (message) => hub.publish('deviceStage', { id }, message) });
  const engines = new EngineShelf();
  const samples = new SampleShelf();
  const surveyor = new Surveyor({
    board: id,
    dataUrl,
    transport,
    engines,
    threads,
    predictor,
    log,
    report,
    notice,
    onProfile: (profile) => {
      // What cannot be sent now is said again when the connection is back.
      hub.publish('deviceProfile', { id }, profileMessage(id, inventory, profile)).catch(() => {});
    },
    ...(profiles === undefined ? {} : { profiles }),
  });
  const desk = new CommandDesk(
    { board: id, hub: keyring.hub, transport, threads, engines, samples, held: new HeldState(), report, notice },
    surveyor,
  );
  // A board whose address changes says so when it is back at the hub; links to it follow.
  await hub.subscribe('deviceState', { id: '+' }, ({ message }) => {
    if (message.kind === 'online') addresses.set(message.board, message.dataUrl);
  });
  await hub.subscribe('deviceCommand', { id }, ({ message }) => desk.receive(message));
  notice({ kind: 'idle' });
  await hub.publish('deviceProfile', { id }, profileMessage(id, inventory, await surveyor.known()));
  await hub.publish('deviceState', { id }, onlineState(id, dataUrl, inventory.memoryBytes));
  const closing = new AbortController();
  const ending = AbortSignal.any([closing.signal, ...(options.signal ? [options.signal] : [])]);
  startHeartbeat(id, hub, ending);
  startTelemetry(options, hub, ending);
  return {
    id,
    dataUrl,
    ended: hub.ended,
    async close(reason = 'the agent was stopped') {
      closing.abort();
      await desk.close(reason);
      await engines.close();
      samples.close();
      // Where the hub is gone already there is nobody to say goodbye to.
      await hub.publish('deviceState', { id }, { kind: 'offline', board: id, reason }).catch(() => {});
      await transport.close();
      await hub.close();
      await own.close();
    },
  };
}

function startTelemetry(options: BoardOptions, hub: Client, signal: AbortSignal): void {
  const { identity, log = silent, telemetry: { seconds = TELEMETRY_SECONDS, root = '/' } = {} } = options;
  if (seconds === 0) return;
  publishTelemetry({
    board: identity.id,
    telemetry: createTelemetry({ root, log }),
    milliseconds: seconds * 1000,
    connected: () => hub.connected,
    publish: (message, ending) => hub.publish('deviceTelemetry', { id: identity.id }, message, ending),
    log,
    signal,
  });
}

function onlineState(board: string, dataUrl: string, memoryBytes: number): DeviceState {
  const cores = availableParallelism();
  return { kind: 'online', board, dataUrl, engine: onnxRuntime, cores, memoryBytes, pid: process.pid };
}
