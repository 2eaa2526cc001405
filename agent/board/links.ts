import type { LinkReceiver, LinkSender, ReceivedTensor, TensorMemory, Transport } from '../../broker/index.ts';
import { byteSize, elementCount } from '../../models/index.ts';
import type { PlanStage } from '../../planner/index.ts';
import type { StageDescription } from '../engine/index.ts';
import { LinkLostError } from '../runtime/errors.ts';
import type { PlannedStage } from './plan-stage.ts';
import { examine, judgeUpTo } from './tensor-checks.ts';

/** The links of one stage; a neighbour that is there twice (a pipeline of two) has one link each way. */
export interface StageLinks {
  readonly next: LinkSender | undefined;
  readonly previous: LinkSender | undefined;
  /** From stage 0 to the loss stage. */
  readonly loss: LinkSender | undefined;
  readonly all: readonly (LinkSender | LinkReceiver)[];
  /** The link to a board that gets blocks. */
  senderTo(board: string): LinkSender;
  /** Aborted as soon as one of them breaks. */
  readonly broken: AbortSignal;
}

export interface LinkNeeds {
  readonly transport: Transport;
  readonly planned: PlannedStage;
  readonly stage: StageDescription;
  readonly memory: TensorMemory;
  readonly onTensor: (tensor: ReceivedTensor) => void;
  /** Boards that blocks come from and go to over these links too, and the longest tensor of their state. */
  readonly handover?: {
    readonly givers: readonly string[];
    readonly takers: readonly string[];
    readonly largestBytes: number;
  };
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
  const { givers = [], takers = [], largestBytes = 0 } = needs.handover ?? {};
  const sources = idsOf([planned.previous, planned.next, isLast && !isFirst ? planned.first : undefined], givers);
  const targets = idsOf([planned.previous, planned.next, isFirst && !isLast ? planned.last : undefined], takers);
  const maxTensorBytes = Math.max(largestTensor(needs.stage), largestBytes);
  const receivers = await Promise.all(
    sources.map((from) =>
      transport.openReceiver({
        from,
        run,
        term,
        maxTensorBytes,
        memory,
        onTensor,
        judge: judgeUpTo(maxTensorBytes),
        examine,
      }),
    ),
  );
  const senders = await Promise.all(
    targets.map((to) => {
      const { dataUrl } = plan.stages.find(({ board }) => board === to)!;
      return transport.openSender({ to, url: dataUrl!, run, term, signal, ...patience });
    }),
  );
  const senderTo = (stage: PlanStage | undefined) => senders.find((sender) => sender.to === stage?.board);
  return {
    next: senderTo(planned.next),
    previous: senderTo(planned.previous),
    loss: isFirst && !isLast ? senderTo(planned.last) : undefined,
    all: [...receivers, ...senders],
    senderTo: (board) => senders.find((sender) => sender.to === board)!,
    broken: firstBroken(senders),
  };
}

function idsOf(stages: readonly (PlanStage | undefined)[], more: readonly string[]): readonly string[] {
  return [...new Set([...stages.flatMap((stage) => stage?.board ?? []), ...more])];
}

function largestTensor({ inputShape, outputShape }: StageDescription): number {
  const samples = inputShape[0] ?? 1;
  const bytes = [inputShape, outputShape].map((shape) => byteSize({ dataType: 'float32', shape }));
  return Math.max(...bytes, 4 * elementCount([samples]));
}

function firstBroken(senders: readonly LinkSender[]): AbortSignal {
  const broken = new AbortController();
  for (const { to, ended } of senders) {
    ended.then((reason) => {
      if (reason !== undefined) broken.abort(new LinkLostError(to, reason.message));
    });
  }
  return broken.signal;
}
