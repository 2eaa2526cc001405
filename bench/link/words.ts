import { createFleet, type Identity, identityFromSeed, type Keyring, keyringOf } from '../../broker/index.ts';

/** What the bench's process asks of the sending one. */
export interface Job {
  readonly kind: 'raw' | 'link' | 'latency';
  readonly bytes: number;
  readonly count: number;
}

export interface JobResult {
  /** From the first byte handed over until the last has arrived. */
  readonly seconds: number;
  /** Processor time of both processes. */
  readonly cpuSeconds: number;
  /** One way, one value a tensor. */
  readonly milliseconds: readonly number[];
}

/** What the sending process asks of the receiving one, as a line on a connection of its own. */
export type Wish =
  | { readonly kind: 'raw'; readonly bytes: number }
  | { readonly kind: 'tensors'; readonly count: number };

/** The answer, when everything has arrived. */
export interface Arrived {
  readonly cpuSeconds: number;
  /** By the clock that both processes see (CLOCK_MONOTONIC), one a tensor. */
  readonly atMilliseconds: readonly number[];
}

export const CONTROL_PORT = 7401;
export const BROKER_PORT = 7402;
export const RUN = 'bench';
export const TERM = 1;
export const MAX_TENSOR_BYTES = 4 * 2 ** 20;

/** Two boards with keys that both processes can make. */
export function benchFleet(): { readonly keyring: Keyring; readonly near: Identity; readonly far: Identity } {
  const near = identityFromSeed('near', new Uint8Array(32).fill(1));
  const far = identityFromSeed('far', new Uint8Array(32).fill(2));
  const { fleet } = createFleet({ name: 'bench', boards: ['near', 'far'] });
  const keys = new Map([near, far].map(({ id, publicKey }) => [id, publicKey]));
  const boards = fleet.boards.map((board) => ({ ...board, publicKey: keys.get(board.id)! }));
  return { keyring: keyringOf({ ...fleet, boards }), near, far };
}

export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
