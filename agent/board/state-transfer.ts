import type { LinkReceiver, LinkSender, ReceivedTensor, Transport } from '../../broker/index.ts';
import { elementCount } from '../../models/index.ts';
import type { Plan, PlanStage } from '../../planner/index.ts';
import type { Engine, StageDescription, StateTensor } from '../engine/index.ts';
import { UnexpectedTensorError } from '../runtime/errors.ts';

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

/** Sends the state of a block, all values in one row, as one tensor without a name. */
export function sendBlock(
  link: LinkSender,
  block: number,
  values: Float32Array,
  step: number,
  signal: AbortSignal,
): Promise<void> {
  const meta = { kind: 'state-down', step, microBatch: block, slot: 0, dtype: 'float32' } as const;
  return link.send({ ...meta, shape: [values.length] }, values, signal);
}

/**
 * Sends blocks to the board that holds them next, each as one tensor without a name: a block has dozens, and each that is
 * sent takes a weak board tens of milliseconds, in which all boards wait. One is on its way while the next is copied.
 * Resolves when all are copied; `arrived` when they are there.
 */
export async function sendBlocks(
  link: LinkSender,
  engine: Engine,
  blocks: readonly number[],
  step: number,
  signal: AbortSignal,
): Promise<{ readonly arrived: Promise<unknown> }> {
  const sendings: Promise<void>[] = [];
  for (const block of blocks) {
    const sending = sendBlock(link, block, inOne(await engine.getState(block)), step, signal);
    // Whoever awaits `arrived` is told.
    sending.catch(() => {});
    sendings.push(sending);
  }
  return { arrived: Promise.all(sendings) };
}

/** All values, one tensor's behind the other's: as engines give them, or else copied. */
export function inOne(tensors: readonly StateTensor[]): Float32Array {
  const [first] = tensors;
  const length = tensors.reduce((sum, { data }) => sum + data.length, 0);
  let end = first?.data.byteOffset ?? 0;
  const isOne = tensors.every(({ data: { buffer, byteOffset, byteLength } }) => {
    const follows = buffer === first!.data.buffer && byteOffset === end;
    end += byteLength;
    return follows;
  });
  if (isOne && first !== undefined) return new Float32Array(first.data.buffer, first.data.byteOffset, length);
  const values = new Float32Array(length);
  let filled = 0;
  for (const { data } of tensors) {
    values.set(data, filled);
    filled += data.length;
  }
  return values;
}

type Layout = readonly { readonly name: string; readonly shape: readonly number[] }[];

/** A block that is awaited. */
interface Awaited {
  readonly layout: Layout;
  readonly missing: Set<string>;
  readonly tensors: StateTensor[];
  readonly whole: PromiseWithResolvers<readonly StateTensor[]>;
}

/** Gathers the state of blocks, from whoever sends it: tensor by tensor, or a whole block as one. */
export class StateIntake {
  /** Of the longest block. */
  readonly largestBytes: number;
  readonly #blocks: ReadonlyMap<number, Awaited>;
  #bytes = 0;

  /** Of these blocks of a stage that is loaded. */
  constructor({ state }: Pick<StageDescription, 'state'>, blocks: readonly number[]) {
    const layouts = blocks.map((block) => state.get(block) ?? []);
    this.#blocks = new Map(blocks.map((block, index) => [block, awaited(layouts[index]!)]));
    const lengths = layouts.map((layout) => layout.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0));
    this.largestBytes = Math.max(0, ...lengths);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** From here on the tensor's memory belongs to the state. */
  take(tensor: ReceivedTensor): void {
    try {
      const { name, shape, microBatch, from } = tensor.meta;
      const block = this.#blocks.get(microBatch);
      const parts = (name === '' ? block?.layout : undefined) ?? [{ name, shape }];
      for (const part of parts) {
        if (block?.missing.delete(part.name) === true) continue;
        throw new UnexpectedTensorError('state-down', from, `'${part.name}' of block ${microBatch}`);
      }
      block!.tensors.push(...stateTensorsOf(tensor, parts));
      this.#bytes += tensor.payload.length;
      if (block!.missing.size === 0) block!.whole.resolve(block!.tensors);
    } catch (error) {
      this.#fail(error);
    } finally {
      tensor.keep();
    }
  }

  /** A block that is here already, as one; the values are the engine's from here on. */
  put(block: number, values: Float32Array): void {
    const { layout, whole } = this.#blocks.get(block)!;
    whole.resolve(partsOf(values, layout));
  }

  /** Gives each block to the engine as soon as it is whole. @throws UnexpectedTensorError, or the signal's reason */
  async giveTo(engine: Engine, signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      const settings = [...this.#blocks].map(async ([block, { whole }]) => engine.setState(block, await whole.promise));
      await Promise.all(settings);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #fail(reason: unknown): void {
    for (const { whole } of this.#blocks.values()) whole.reject(reason);
  }
}

function awaited(layout: Layout): Awaited {
  const whole = Promise.withResolvers<readonly StateTensor[]>();
  whole.promise.catch(() => {});
  if (layout.length === 0) whole.resolve([]);
  return { layout, missing: new Set(layout.map(({ name }) => name)), tensors: [], whole };
}

/** Receives from the hub what an intake awaits of it. Whoever opens it closes it. */
export function openFromHub(
  transport: Transport,
  hub: string,
  { run, term }: Plan,
  intake: StateIntake,
): Promise<LinkReceiver> {
  const { largestBytes: maxTensorBytes } = intake;
  return transport.openReceiver({ from: hub, run, term, maxTensorBytes, onTensor: (tensor) => intake.take(tensor) });
}

/** The parts of a tensor, one behind the other, where they lie. */
function stateTensorsOf({ meta, payload }: ReceivedTensor, parts: Layout): readonly StateTensor[] {
  const bytes = 4 * parts.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  if (payload.length !== bytes) {
    const what = `'${meta.name}' of block ${meta.microBatch}`;
    throw new UnexpectedTensorError('state-down', meta.from, `${what} has ${payload.length} bytes, not ${bytes}`);
  }
  return partsOf(new Float32Array(payload.buffer, payload.byteOffset, payload.length / 4), parts);
}

function partsOf(values: Float32Array, layout: Layout): readonly StateTensor[] {
  let end = 0;
  return layout.map(({ name, shape }) => {
    const start = end;
    end += elementCount(shape);
    return { name, shape, data: values.subarray(start, end) };
  });
}
