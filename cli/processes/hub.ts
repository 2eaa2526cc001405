import {
  type Broker,
  connectClient,
  createMessenger,
  createMqttTransport,
  createRelayTransport,
  type Identity,
  type Keyring,
  type Log,
  type Messenger,
  PortTakenError,
  startBroker,
  type Transport,
} from '../../broker/index.ts';
import { keepDrained } from './drained.ts';
import { forgetEndedRuns } from './ended-runs.ts';

/** The hub as a run needs it: messages over the control broker, and a broker on which state arrives. */
export interface Hub {
  readonly messenger: Messenger;
  readonly transport: Transport;
  /** The broker that boards send state to. */
  readonly dataUrl: string;
  /** The broker that boards connect to for control. */
  readonly controlUrl: string;
  close(): Promise<void>;
}

export interface HubOptions {
  readonly identity: Identity;
  readonly keyring: Keyring;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** The broker that carries the data where boards cannot reach each other, or `hub` for the hub's own. */
  readonly dataBroker?: string | undefined;
  /** Where the hub writes down which boards are drained; it forgets that with its end when absent. */
  readonly drainedFile?: string;
  /** Digest of the password with which anybody may watch. */
  readonly viewer?: Uint8Array | undefined;
  readonly log: Log;
}

/** What may wait at the hub for one board whose data go through it: its tensors under way, by their credits. */
const RELAYED_BACKLOG_BYTES = 64 * 2 ** 20;

/** A link opens when the other side has loaded its stage. */
const LINK_MILLISECONDS = 120_000;

/** Starts the hub's broker. @throws PortTakenError, DrainedFileError */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { identity, keyring, host, port, dataBroker, drainedFile, viewer, log } = options;
  const limits = dataBroker === HUB_CARRIES_DATA ? { limits: { backlogBytes: RELAYED_BACKLOG_BYTES } } : {};
  const broker = await startBroker({
    host,
    port,
    identity,
    keyring,
    log,
    viewer,
    allowLocalObservers: true,
    ...limits,
  });
  const messenger = createMessenger({ channel: broker, identity, keyring, log });
  let written = async (): Promise<void> => {};
  const end = async (): Promise<void> => {
    await broker.close();
    await written();
  };
  try {
    if (drainedFile !== undefined) written = await keepDrained(messenger, drainedFile, log);
    await forgetEndedRuns(messenger, broker, keyring.fleet);
  } catch (error) {
    await end();
    throw error;
  }
  return hubOn(broker, messenger, broker.url, { identity, keyring, dataBroker, log }, end);
}

/** In place of a URL. */
export const HUB_CARRIES_DATA = 'hub';

/** Uses the hub that listens at the fleet's address already, or starts one there. */
export async function joinOrStartHub(options: HubOptions): Promise<Hub> {
  try {
    return await startHub(options);
  } catch (error) {
    if (!(error instanceof PortTakenError)) throw error;
  }
  const { identity, keyring, host, port, dataBroker, log } = options;
  const controlUrl = `mqtt://${host}:${port}`;
  const client = await connectClient({ url: controlUrl, identity, keyring, log, purpose: 'train' });
  const broker = await startBroker({ host, port: 0, identity, keyring, log });
  return hubOn(broker, client, controlUrl, { identity, keyring, dataBroker, log }, async () => {
    await client.close();
    await broker.close();
  });
}

async function hubOn(
  broker: Broker,
  messenger: Messenger,
  controlUrl: string,
  { identity, keyring, dataBroker, log }: Pick<HubOptions, 'identity' | 'keyring' | 'dataBroker' | 'log'>,
  end: () => Promise<void>,
): Promise<Hub> {
  const needs = { identity, keyring, log, timeoutMilliseconds: LINK_MILLISECONDS };
  const url = dataBroker === HUB_CARRIES_DATA ? controlUrl : dataBroker;
  const transport = await (url === undefined
    ? createMqttTransport({ ...needs, broker })
    : createRelayTransport({ ...needs, url }).catch(async (error) => {
        await end();
        throw error;
      }));
  return {
    messenger,
    transport,
    dataUrl: url ?? broker.url,
    controlUrl,
    async close() {
      await transport.close();
      await end();
    },
  };
}
