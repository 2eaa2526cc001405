import { type LinkReceiver, RAW_CODEC, type ReceivedTensor, type Transport } from '../../broker/index.ts';
import { elementCount } from '../../models/index.ts';
import type { Plan, PlanStage } from '../index.ts';
import type { CapturedTensor } from './events.ts';
import type { RunRequest } from './state.ts';
import type { StateTensor } from './types.ts';

/** The values of state on its way up. The fleet's state knows only what has arrived; the bytes are here. */
export type Captures = {
  /** Listens to every board of the plan, and to no other. */
  open(plan: Plan): Promise<void>;
  /** From now on the state of this step is kept, and no other. */
  expect(step: number): void;
  /** All that was kept of the expected step, in the order of blocks; nothing more is kept of it. */
  take(): readonly StateTensor[];
  close(): Promise<void>;
};

export type CapturesNeeds = {
  readonly transport: Transport;
  readonly request: RunRequest;
  readonly onTensor: (board: string, term: number, tensor: CapturedTensor) => void;
};

// Boards send nothing but state to the hub.
const stateOnly = { activation: 0, gradient: 0, labels: 0, 'state-down': 0 } as const;

export function createCaptures({ transport, request, onTensor }: CapturesNeeds): Captures {
  const layout = request.layout.flat();
  const maxTensorBytes = Math.max(4, ...layout.map(({ shape }) => 4 * elementCount(shape)));
  const receivers: LinkReceiver[] = [];
  let kept = new Map<string, StateTensor>();
  let expected: number | undefined;
  /** Opening and closing for one plan after another. */
  let changing: Promise<void> = Promise.resolve();

  /** Keeps a tensor that is expected; whether it is, the fleet's state judges once more and counts. */
  const take = ({ board, firstBlock, lastBlock }: PlanStage, { meta, payload }: ReceivedTensor): void => {
    const { kind, dtype, codec, step, name, shape, microBatch: block, slot, term } = meta;
    const raw = kind === 'state-up' && dtype === 'float32' && codec.id === RAW_CODEC;
    if (!raw || payload.length !== 4 * elementCount(shape)) return;
    // The payload is the link's and is used again, hence the copy.
    const data = new Float32Array(payload.slice().buffer);
    const place = block < firstBlock || block > lastBlock ? undefined : request.layout[block]?.[slot];
    const fits = place?.name === name && place.shape.join() === shape.join();
    if (fits && step === expected) kept.set(name, { name, shape, data });
    onTensor(board, term, { step, block, slot, name, shape, finite: allFinite(data) });
  };

  const openFor = ({ run, term }: Plan, stage: PlanStage): Promise<LinkReceiver> => {
    return transport.openReceiver({
      from: stage.board,
      run,
      term,
      maxTensorBytes,
      credits: stateOnly,
      onTensor(tensor) {
        take(stage, tensor);
        tensor.release();
      },
    });
  };
  const forget = (): void => {
    expected = undefined;
    kept = new Map();
  };
  const closeAll = async (): Promise<void> => {
    await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
  };

  return {
    open(plan) {
      // At once, as what is expected next may be said before the links are open.
      forget();
      const opened = changing.then(async () => {
        await closeAll();
        for (const stage of plan.stages) receivers.push(await openFor(plan, stage));
      });
      changing = opened.catch(() => {});
      return opened;
    },
    expect(step) {
      expected = step;
      kept = new Map();
    },
    take() {
      const taken = layout.flatMap(({ name }) => kept.get(name) ?? []);
      forget();
      return taken;
    },
    async close() {
      await changing;
      forget();
      await closeAll();
    },
  };
}

// A loop of its own: `every` with a callback takes ten times as long on a model's state.
function allFinite(values: Float32Array): boolean {
  for (let at = 0; at < values.length; at += 1) if (!Number.isFinite(values[at])) return false;
  return true;
}
