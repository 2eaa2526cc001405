import type { LinkSender, ReceivedTensor, Transport } from '../../broker/index.ts';
import { elementCount } from '../../models/index.ts';
import type { Engine, StateTensor } from '../engine/index.ts';
import { UnexpectedTensorError } from '../runtime/errors.ts';
import type { PlannedStage } from './plan-stage.ts';

/** A state tensor is a parameter or optimizer state of one; nothing that we train is larger. */
const maxStateTensorBytes = 256 * 2 ** 20;

/** The state of a stage's blocks, copied at a step boundary. */
export interface CapturedState {
  readonly blocks: readonly { readonly block: number; readonly tensors: readonly StateTensor[] }[];
}

export async function captureState(engine: Engine, { own }: PlannedStage): Promise<CapturedState> {
  const blocks = [];
  for (let block = own.firstBlock; block <= own.lastBlock; block++) {
    blocks.push({ block, tensors: await engine.getState(block) });
  }
  return { blocks };
}

/** Sends a captured state to the hub; says how much it was. */
export async function sendState(
  link: LinkSender,
  state: CapturedState,
  step: number,
  signal: AbortSignal,
): Promise<{ tensors: number; bytes: number }> {
  let count = 0;
  let bytes = 0;
  for (const { block, tensors } of state.blocks) {
    for (const [slot, { name, shape, data }] of tensors.entries()) {
      const meta = { kind: 'state-up', step, microBatch: block, slot, name, dtype: 'float32', shape } as const;
      await link.send(meta, data, signal);
      count += 1;
      bytes += data.byteLength;
    }
  }
  return { tensors: count, bytes };
}

/** Receives the state of all blocks of a stage from the hub and gives it to the engine. */
export async function receiveState(
  transport: Transport,
  hub: string,
  engine: Engine,
  { plan, own }: PlannedStage,
  signal: AbortSignal,
): Promise<void> {
  const missing = new Map<number, Set<string>>();
  const received = new Map<number, StateTensor[]>();
  for (let block = own.firstBlock; block <= own.lastBlock; block++) {
    missing.set(block, new Set((await engine.getState(block)).map(({ name }) => name)));
    received.set(block, []);
  }
  const { promise: complete, resolve, reject } = Promise.withResolvers<void>();
  const finishIfComplete = () => {
    if ([...missing.values()].every((names) => names.size === 0)) resolve();
  };
  const receiver = await transport.openReceiver({
    from: hub,
    run: plan.run,
    term: plan.term,
    maxTensorBytes: maxStateTensorBytes,
    onTensor: (tensor) => {
      try {
        const { name } = tensor.meta;
        if (missing.get(tensor.meta.microBatch)?.delete(name) !== true) {
          throw new UnexpectedTensorError('state-down', hub, `'${name}' of block ${tensor.meta.microBatch}`);
        }
        received.get(tensor.meta.microBatch)!.push(stateTensorOf(tensor));
        finishIfComplete();
      } catch (error) {
        reject(error);
      } finally {
        tensor.release();
      }
    },
  });
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    finishIfComplete();
    await complete;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await receiver.close();
  }
  for (const [block, tensors] of received) await engine.setState(block, tensors);
}

function stateTensorOf({ meta, payload }: ReceivedTensor): StateTensor {
  const { name, shape } = meta;
  const bytes = 4 * elementCount(shape);
  if (payload.length !== bytes) {
    throw new UnexpectedTensorError('state-down', meta.from, `'${name}' has ${payload.length} bytes, not ${bytes}`);
  }
  return { name, shape, data: new Float32Array(payload.slice().buffer) };
}
