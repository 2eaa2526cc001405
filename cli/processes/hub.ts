import {
  type Broker,
  connectClient,
  createMessenger,
  createMqttTransport,
  type Identity,
  type Keyring,
  type Log,
  type Messenger,
  PortTakenError,
  startBroker,
  type Transport,
} from '../../broker/index.ts';

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
  readonly log: Log;
}

/** A link opens when the other side has loaded its stage. */
const LINK_MILLISECONDS = 120_000;

/** Starts the hub's broker. @throws PortTakenError */
export async function startHub({ identity, keyring, host, port, log }: HubOptions): Promise<Hub> {
  const broker = await startBroker({ host, port, identity, keyring, log, allowLocalObservers: true });
  const messenger = createMessenger({ channel: broker, identity, keyring, log });
  return hubOn(broker, messenger, broker.url, { identity, keyring, log }, () => broker.close());
}

/** Uses the hub that listens at the fleet's address already, or starts one there. */
export async function joinOrStartHub(options: HubOptions): Promise<Hub> {
  try {
    return await startHub(options);
  } catch (error) {
    if (!(error instanceof PortTakenError)) throw error;
  }
  const { identity, keyring, host, port, log } = options;
  const controlUrl = `mqtt://${host}:${port}`;
  const client = await connectClient({ url: controlUrl, identity, keyring, log, purpose: 'train' });
  const broker = await startBroker({ host, port: 0, identity, keyring, log });
  return hubOn(broker, client, controlUrl, { identity, keyring, log }, async () => {
    await client.close();
    await broker.close();
  });
}

function hubOn(
  broker: Broker,
  messenger: Messenger,
  controlUrl: string,
  { identity, keyring, log }: Pick<HubOptions, 'identity' | 'keyring' | 'log'>,
  end: () => Promise<void>,
): Hub {
  const transport = createMqttTransport({ identity, keyring, broker, log, timeoutMilliseconds: LINK_MILLISECONDS });
  return {
    messenger,
    transport,
    dataUrl: broker.url,
    controlUrl,
    async close() {
      await transport.close();
      await end();
    },
  };
}
