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

/** Sends captured state up to the hub; says how much it was. */
export async function sendState(
  link: LinkSender,
  state: CapturedState,
  step: number,
  signal: AbortSignal,
): Promise<{ tensors: number; bytes: number }> {
  let count = 0;
  let bytes = 0;
  for (const { block, tensors } of state) {
    for (const [slot, { name, shape, data }] of tensors.entries()) {
      const meta = { kind: 'state-up', step, microBatch: block, slot, name, dtype: 'float32', shape } as const;
      await link.send(meta, data, signal);
      count += 1;
      bytes += data.byteLength;
    }
  }
  return { tensors: count, bytes };
}

/**
 * Sends blocks to the board that holds them next, each as one tensor without a name: a block has dozens, and each that is
 * sent takes a weak board tens of milliseconds, in which all boards wait.
 */
export async function sendBlocks(
  link: LinkSender,
  state: CapturedState,
  step: number,
  signal: AbortSignal,
): Promise<void> {
  for (const { block, tensors } of state) {
    const values = new Float32Array(tensors.reduce((sum, { data }) => sum + data.length, 0));
    let end = 0;
    for (const { data } of tensors) {
      values.set(data, end);
      end += data.length;
    }
    const meta = { kind: 'state-down', step, microBatch: block, slot: 0, dtype: 'float32' } as const;
    await link.send({ ...meta, shape: [values.length] }, values, signal);
  }
}

type Layout = readonly { readonly name: string; readonly shape: readonly number[] }[];

/** Gathers the state of blocks, from whoever sends it: tensor by tensor, or a whole block as one. */
export class StateIntake {
  /** Of the longest block. */
  readonly largestBytes: number;
  readonly #layouts: ReadonlyMap<number, Layout>;
  readonly #missing: ReadonlyMap<number, Set<string>>;
  readonly #received: ReadonlyMap<number, StateTensor[]>;
  readonly #complete = Promise.withResolvers<void>();
  #bytes = 0;

  private constructor(blocks: CapturedState) {
    this.#missing = new Map(blocks.map(({ block, tensors }) => [block, new Set(tensors.map(({ name }) => name))]));
    this.#received = new Map(blocks.map(({ block }) => [block, []]));
    const layoutOf = (tensors: Layout): Layout => tensors.map(({ name, shape }) => ({ name, shape }));
    this.#layouts = new Map(blocks.map(({ block, tensors }) => [block, layoutOf(tensors)]));
    const lengths = blocks.map(({ tensors }) => tensors.reduce((sum, { data }) => sum + data.byteLength, 0));
    this.largestBytes = Math.max(0, ...lengths);
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
      const { name, shape, microBatch: block, from } = tensor.meta;
      const parts = name === '' ? this.#layouts.get(block) : [{ name, shape }];
      for (const part of parts ?? [{ name, shape }]) {
        if (this.#missing.get(block)?.delete(part.name) === true) continue;
        throw new UnexpectedTensorError('state-down', from, `'${part.name}' of block ${block}`);
      }
      this.#received.get(block)!.push(...stateTensorsOf(tensor, parts!));
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

/** The parts of a tensor, one behind the other. */
function stateTensorsOf({ meta, payload }: ReceivedTensor, parts: Layout): readonly StateTensor[] {
  const bytes = 4 * parts.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  if (payload.length !== bytes) {
    const what = `'${meta.name}' of block ${meta.microBatch}`;
    throw new UnexpectedTensorError('state-down', meta.from, `${what} has ${payload.length} bytes, not ${bytes}`);
  }
  let end = 0;
  return parts.map(({ name, shape }) => {
    const begin = end;
    end += 4 * elementCount(shape);
    return { name, shape, data: new Float32Array(payload.slice(begin, end).buffer) };
  });
}
