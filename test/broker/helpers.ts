import {
  type Broker,
  createFleet,
  type FrameHeader,
  type Identity,
  identityFromSeed,
  type Keyring,
  keyringOf,
  type LogEvent,
  startBroker,
} from '../../broker/index.ts';
import { createKeyring } from '../../broker/keyring/keyring.ts';

/** The same seed for the same byte, so that golden bytes stay golden. */
export const seedOf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

export interface TestFleet {
  readonly keyring: Keyring;
  identity(id: string): Identity;
}

/** A fleet `lab` of a hub and boards with fixed keys; `stranger` has a key that no keyring holds. */
export function testFleet(boards: readonly string[] = ['pi-1', 'pi-2', 'pi-3']): TestFleet {
  const identities = new Map(['hub', ...boards].map((id, at) => [id, identityFromSeed(id, seedOf(at + 1))]));
  const keys = [...identities].map(([id, { publicKey }]) => [id, publicKey] as const);
  identities.set('stranger', identityFromSeed('stranger', seedOf(99)));
  return {
    keyring: createKeyring({ fleet: 'lab', hub: 'hub', keys }),
    identity(id) {
      const identity = identities.get(id);
      if (identity === undefined) throw new Error(`no identity ${id}`);
      return identity;
    },
  };
}

/** A fleet with fresh keys, as `flotilla fleet init` makes it. */
export function freshFleet(boards: readonly string[]): TestFleet {
  const { fleet, identities } = createFleet({ name: 'lab', boards });
  return {
    keyring: keyringOf(fleet),
    identity: (id) => identities.get(id) as Identity,
  };
}

export function startTestBroker(
  fleet: TestFleet,
  owner: string,
  overrides: Partial<Parameters<typeof startBroker>[0]> = {},
): Promise<Broker> {
  return startBroker({
    host: '127.0.0.1',
    port: 0,
    identity: fleet.identity(owner),
    keyring: fleet.keyring,
    ...overrides,
  });
}

/** Long enough for a machine that does much else; nobody waits so long for what comes. */
const PATIENCE_MILLISECONDS = 30_000;

/** Resolves when `holds` does; looks at it every few milliseconds, for at most `milliseconds`. */
export async function until(what: string, holds: () => boolean, milliseconds = PATIENCE_MILLISECONDS): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within ${milliseconds} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Rejects if `promise` does not settle in time. */
export async function within<T>(what: string, promise: Promise<T>, milliseconds = PATIENCE_MILLISECONDS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${milliseconds} ms: ${what}`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A log that remembers. */
export interface MemoryLog {
  readonly events: LogEvent[];
  readonly log: (event: LogEvent) => void;
}

export function memoryLog(): MemoryLog {
  const events: LogEvent[] = [];
  return { events, log: (event) => void events.push(event) };
}

/** A valid header of one raw float32 frame from pi-1 to pi-2. */
export function testHeader(overrides: Partial<FrameHeader> = {}): FrameHeader {
  return {
    digest: 'sha256',
    kind: 'activation',
    dtype: 'float32',
    codec: { id: 0, params: new Uint8Array(16) },
    shape: [1, 2],
    incarnation: 1_700_000_000_000,
    sequence: 7,
    term: 3,
    step: 42,
    microBatch: 1,
    slot: 0,
    chunk: 0,
    chunks: 1,
    payloadBytes: 8,
    totalBytes: 8,
    fleet: 'lab',
    from: 'pi-1',
    to: 'pi-2',
    run: 'run-1',
    name: '',
    ...overrides,
  };
}

export { randomFrom } from '../random.ts';
