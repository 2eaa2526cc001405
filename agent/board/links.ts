import {
  type Judge,
  type LinkReceiver,
  type LinkSender,
  RAW_CODEC,
  type ReceivedTensor,
  type TensorMemory,
  type Transport,
} from '../../broker/index.ts';
import { byteSize, elementCount } from '../../models/index.ts';
import type { PlanStage } from '../../planner/index.ts';
import { isCodec } from '../codec/index.ts';
import type { StageDescription } from '../engine/index.ts';
import { LinkLostError } from '../runtime/errors.ts';
import type { PlannedStage } from './plan-stage.ts';

/** The links of one stage; a neighbour that is there twice (a pipeline of two) has one link each way. */
export interface StageLinks {
  readonly next: LinkSender | undefined;
  readonly previous: LinkSender | undefined;
  /** From stage 0 to the loss stage. */
  readonly loss: LinkSender | undefined;
  readonly all: readonly (LinkSender | LinkReceiver)[];
  /** Rejects as soon as one of them breaks; never resolves. */
  readonly broken: Promise<never>;
}

export interface LinkNeeds {
  readonly transport: Transport;
  readonly planned: PlannedStage;
  readonly stage: StageDescription;
  readonly memory: TensorMemory;
  readonly onTensor: (tensor: ReceivedTensor) => void;
  readonly patienceMilliseconds?: number;
  readonly signal: AbortSignal;
}

/** Opens the receiving ends first: a sender opens only once its receiver is there, so no two boards wait in a circle. */
export async function openLinks(needs: LinkNeeds): Promise<StageLinks> {
  const { transport, planned, memory, onTensor, patienceMilliseconds, signal } = needs;
  const patience = patienceMilliseconds === undefined ? {} : { patienceMilliseconds };
  const { plan, own } = planned;
  const { run, term } = plan;
  const isFirst = planned.index === 0;
  const isLast = own === planned.last;
  const sources = [planned.previous, planned.next, isLast && !isFirst ? planned.first : undefined];
  const targets = [planned.previous, planned.next, isFirst && !isLast ? planned.last : undefined];
  const maxTensorBytes = largestTensor(needs.stage);
  const receivers = await Promise.all(
    distinct(sources).map(({ board }) =>
      transport.openReceiver({ from: board, run, term, maxTensorBytes, memory, onTensor, judge }),
    ),
  );
  const senders = await Promise.all(
    distinct(targets).map(({ board, dataUrl }) =>
      transport.openSender({ to: board, url: dataUrl!, run, term, signal, ...patience }),
    ),
  );
  const senderTo = (stage: PlanStage | undefined) => senders.find((sender) => sender.to === stage?.board);
  return {
    next: senderTo(planned.next),
    previous: senderTo(planned.previous),
    loss: isFirst && !isLast ? senderTo(planned.last) : undefined,
    all: [...receivers, ...senders],
    broken: firstBroken(senders),
  };
}

function distinct(stages: readonly (PlanStage | undefined)[]): readonly PlanStage[] {
  return [...new Set(stages)].filter((stage) => stage !== undefined);
}

/** What this board could not decode is turned away before it takes memory. */
const judge: Judge = ({ codec, dtype }) => {
  if (dtype !== 'float32' && codec.id !== RAW_CODEC) return 'bad-encoding';
  return isCodec(codec.id) ? null : 'unknown-codec';
};

function largestTensor({ inputShape, outputShape }: StageDescription): number {
  const samples = inputShape[0] ?? 1;
  const bytes = [inputShape, outputShape].map((shape) => byteSize({ dataType: 'float32', shape }));
  return Math.max(...bytes, 4 * elementCount([samples]));
}

function firstBroken(senders: readonly LinkSender[]): Promise<never> {
  const broken = new Promise<never>((_, reject) => {
    for (const { to, ended } of senders) {
      ended.then((reason) => {
        if (reason !== undefined) reject(new LinkLostError(to, reason.message));
      });
    }
  });
  broken.catch(() => {});
  return broken;
}
