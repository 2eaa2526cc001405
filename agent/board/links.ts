import type { LinkReceiver, LinkSender, ReceivedTensor, TensorMemory, Transport } from '../../broker/index.ts';
import { byteSize, elementCount } from '../../models/index.ts';
import type { Plan, PlanStage } from '../../planner/index.ts';
import type { StageDescription } from '../engine/index.ts';
import { LinkLostError } from '../runtime/errors.ts';
import { PIECE_BYTES } from './held-state.ts';
import type { LinkEnd, LinkEnds } from './link-ends.ts';
import type { PlannedStage } from './plan-stage.ts';
import { examine, judgeUpTo } from './tensor-checks.ts';
import { isSender } from './traffic.ts';

/** The links of one stage; a neighbour that is there twice (a pipeline of two) has one link each way. */
export interface StageLinks {
  readonly next: LinkSender | undefined;
  readonly previous: LinkSender | undefined;
  /** From stage 0 to the loss stage. */
  readonly loss: LinkSender | undefined;
  /** What training goes over. */
  readonly all: readonly LinkEnd[];
  /** What only blocks go over that change hands. */
  readonly passing: readonly LinkEnd[];
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
  /** Told of each end that is opened. */
  readonly ends: LinkEnds;
  /** Links of the plan before, which go on. */
  readonly standing?: readonly LinkEnd[];
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
  const { planned, handover: { givers = [], takers = [], largestBytes = 0 } = {} } = needs;
  const isFirst = planned.index === 0;
  const isLast = planned.own === planned.last;
  const neighbours = [planned.previous, planned.next];
  const sources = idsOf([...neighbours, isLast && !isFirst ? planned.first : undefined]);
  const targets = idsOf([...neighbours, isFirst && !isLast ? planned.last : undefined]);
  const maxTensorBytes = Math.max(largestTensor(needs.stage), largestBytes, PIECE_BYTES);
  const receivers = await Promise.all(
    [...new Set([...sources, ...givers])].map((id) => receiverFrom(id, maxTensorBytes, needs)),
  );
  needs.signal.throwIfAborted();
  const senders = await Promise.all(
    [...new Set([...targets, ...takers])].map((id) => openSender(id, planned.plan, needs)),
  );
  const senderTo = (board: string | undefined) => senders.find(({ to }) => to === board);
  return {
    next: senderTo(planned.next?.board),
    previous: senderTo(planned.previous?.board),
    loss: isFirst && !isLast ? senderTo(planned.last.board) : undefined,
    all: [
      ...receivers.filter(({ from }) => sources.includes(from)),
      ...senders.filter(({ to }) => targets.includes(to)),
    ],
    passing: [
      ...receivers.filter(({ from }) => !sources.includes(from)),
      ...senders.filter(({ to }) => !targets.includes(to)),
    ],
    senderTo: (board) => senderTo(board)!,
    broken: firstBroken(senders),
  };
}

async function receiverFrom(from: string, maxTensorBytes: number, needs: LinkNeeds): Promise<LinkReceiver> {
  const { transport, planned, memory, onTensor, standing = [], ends } = needs;
  const { run, term } = planned.plan;
  const former = standing.find((end): end is LinkReceiver => !isSender(end) && end.from === from);
  if (former === undefined) {
    const judge = judgeUpTo(maxTensorBytes);
    return ends.add(transport.openReceiver({ from, run, term, maxTensorBytes, memory, onTensor, judge, examine }));
  }
  await former.admit(term, maxTensorBytes, judgeUpTo);
  return former;
}

type SenderNeeds = Pick<LinkNeeds, 'transport' | 'standing' | 'ends' | 'patienceMilliseconds' | 'signal'>;

/** The sending end to a board of this plan: that of the plan before, or else a new one. */
export async function openSender(to: string, { stages, run, term }: Plan, needs: SenderNeeds): Promise<LinkSender> {
  const { transport, standing = [], ends, patienceMilliseconds, signal } = needs;
  const former = standing.find((end): end is LinkSender => isSender(end) && end.to === to);
  if (former !== undefined) {
    await former.join(term, signal);
    return former;
  }
  const { dataUrl: url } = stages.find(({ board }) => board === to)!;
  const patience = patienceMilliseconds === undefined ? {} : { patienceMilliseconds };
  return ends.add(transport.openSender({ to, url: url!, run, term, signal, ...patience }));
}

function idsOf(stages: readonly (PlanStage | undefined)[]): readonly string[] {
  return [...new Set(stages.flatMap((stage) => stage?.board ?? []))];
}

function largestTensor({ inputShape, outputShape }: StageDescription): number {
  const samples = inputShape[0] ?? 1;
  const bytes = [inputShape, outputShape].map((shape) => byteSize({ dataType: 'float32', shape }));
  return Math.max(...bytes, 4 * elementCount([samples]));
}

/** Aborted when one of these links is lost. */
export function firstBroken(senders: readonly LinkSender[]): AbortSignal {
  const broken = new AbortController();
  for (const { to, ended } of senders) {
    ended.then((reason) => {
      if (reason !== undefined) broken.abort(new LinkLostError(to, reason.message));
    });
  }
  return broken.signal;
}
