import type { LinkSender, ReceivedTensor, Transport } from '../../broker/index.ts';
import { elementCount } from '../../models/index.ts';
import type { PlanStage } from '../../planner/index.ts';
import type { Engine, StateTensor } from '../engine/index.ts';
import { UnexpectedTensorError } from '../runtime/errors.ts';
import type { PlannedStage } from './plan-stage.ts';

/** The state of blocks, copied at a step boundary. */
export type CapturedState = readonly { readonly block: number; readonly tensors: readonly StateTensor[] }[];

/** The blocks of a stage. */
export function blocksOf({ firstBlock, lastBlock }: PlanStage): readonly number[] {
  return Array.from({ length: lastBlock - firstBlock + 1 }, (_, index) => firstBlock + index);
}

export async function captureState(engine: Engine, blocks: readonly number[]): Promise<CapturedState> {
  const captured = [];
  for (const block of blocks) captured.push({ block, tensors: await engine.getState(block) });
  return captured;
}

/** Sends captured state, up to the hub or down to the board that holds the blocks next; says how much it was. */
export async function sendState(
  link: LinkSender,
  kind: 'state-up' | 'state-down',
  state: CapturedState,
  step: number,
  signal: AbortSignal,
): Promise<{ tensors: number; bytes: number }> {
  let count = 0;
  let bytes = 0;
  for (const { block, tensors } of state) {
    for (const [slot, { name, shape, data }] of tensors.entries()) {
      const meta = { kind, step, microBatch: block, slot, name, dtype: 'float32', shape } as const;
      await link.send(meta, data, signal);
      count += 1;
      bytes += data.byteLength;
    }
  }
  return { tensors: count, bytes };
}

/** Gathers the state of blocks, from whoever sends it. */
export class StateIntake {
  /** Of the longest tensor. */
  readonly largestBytes: number;
  readonly #missing: ReadonlyMap<number, Set<string>>;
  readonly #received: ReadonlyMap<number, StateTensor[]>;
  readonly #complete = Promise.withResolvers<void>();
  #bytes = 0;

  private constructor(blocks: CapturedState) {
    this.#missing = new Map(blocks.map(({ block, tensors }) => [block, new Set(tensors.map(({ name }) => name))]));
    this.#received = new Map(blocks.map(({ block }) => [block, []]));
    this.largestBytes = Math.max(0, ...blocks.flatMap(({ tensors }) => tensors.map(({ data }) => data.byteLength)));
    this.#complete.promise.catch(() => {});
    this.#finishIfComplete();
  }

  /** Of these blocks as the engine has them loaded. */
  static async of(engine: Engine, blocks: readonly number[]): Promise<StateIntake> {
    return new StateIntake(await captureState(engine, blocks));
  }

  get bytes(): number {
    return this.#bytes;
  }

  take(tensor: ReceivedTensor): void {
    try {
      const { name, microBatch: block, from } = tensor.meta;
      if (this.#missing.get(block)?.delete(name) !== true) {
        throw new UnexpectedTensorError('state-down', from, `'${name}' of block ${block}`);
      }
      this.#received.get(block)!.push(stateTensorOf(tensor));
      this.#bytes += tensor.payload.length;
      this.#finishIfComplete();
    } catch (error) {
      this.#complete.reject(error);
    } finally {
      // It was copied; its memory is of a size that does not come again.
      tensor.keep();
    }
  }

  /** Waits for all of it, and gives it to the engine. @throws UnexpectedTensorError, or the signal's reason */
  async giveTo(engine: Engine, signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#complete.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      await this.#complete.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    for (const [block, tensors] of this.#received) await engine.setState(block, tensors);
  }

  #finishIfComplete(): void {
    if ([...this.#missing.values()].every((names) => names.size === 0)) this.#complete.resolve();
  }
}

/** Receives the state of all blocks of a stage from the hub and gives it to the engine. */
export async function receiveState(
  transport: Transport,
  hub: string,
  engine: Engine,
  { plan: { run, term }, own }: PlannedStage,
  signal: AbortSignal,
): Promise<void> {
  const intake = await StateIntake.of(engine, blocksOf(own));
  const receiver = await transport.openReceiver({
    from: hub,
    run,
    term,
    maxTensorBytes: intake.largestBytes,
    onTensor: (tensor) => intake.take(tensor),
  });
  try {
    await intake.giveTo(engine, signal);
  } finally {
    await receiver.close();
  }
}

function stateTensorOf({ meta, payload }: ReceivedTensor): StateTensor {
  const { name, shape } = meta;
  const bytes = 4 * elementCount(shape);
  if (payload.length !== bytes) {
    throw new UnexpectedTensorError('state-down', meta.from, `'${name}' has ${payload.length} bytes, not ${bytes}`);
  }
  return { name, shape, data: new Float32Array(payload.slice().buffer) };
}
