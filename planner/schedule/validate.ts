import { CountError, ScheduleDeadlockError, ScheduleError } from '../errors.ts';
import type { Instruction, Schedule } from './instruction.ts';
import { stashSlots } from './passes.ts';
import { checkStage } from './stage-rules.ts';
import { formatInstruction } from './text.ts';

/** Messages that may wait at a receiver, for each link and direction, before its sender has to wait. */
export const defaultQueueCapacity = 2;

export type ValidSchedule = {
  readonly stages: number;
  readonly microBatches: number;
  /** For each stage, the most micro-batches between forward and backward. */
  readonly stashSlots: readonly number[];
};

/**
 * Proves that a schedule with its communication runs to its end: first each stage's own rules, then the passing of
 * messages through queues of `queueCapacity` places. A send waits for a free place, a receive for its message.
 * The order in which stages are advanced does not matter: a stage's next instruction, once possible, stays possible
 * until it is done, since every queue has one sender and one receiver.
 * Throws `ScheduleError` (a stage breaks a rule) or `ScheduleDeadlockError` (what waits for what).
 */
export function validateSchedule(
  schedule: Schedule,
  { queueCapacity = defaultQueueCapacity }: { readonly queueCapacity?: number } = {},
): ValidSchedule {
  if (!Number.isSafeInteger(queueCapacity) || queueCapacity < 1) throw new CountError('queueCapacity', queueCapacity);
  const microBatches = countMicroBatches(schedule);
  for (const [stage, instructions] of schedule.entries())
    checkStage(instructions, stage, schedule.length, microBatches);
  passMessages(schedule, queueCapacity);
  return { stages: schedule.length, microBatches, stashSlots: schedule.map(stashSlots) };
}

function countMicroBatches(schedule: Schedule): number {
  const [firstStage] = schedule;
  if (firstStage === undefined) throw new CountError('the number of stages', 0);
  const count = firstStage.filter(({ kind }) => kind === 'forward' || kind === 'forwardBackward').length;
  if (count === 0) throw new ScheduleError(0, 'there is no micro-batch');
  return count;
}

/** The messages that have reached a stage and wait there to be received. */
type Inbox = { readonly activations: Set<number>; readonly gradients: Set<number> };

type Message = { readonly queue: Set<number>; readonly peer: number; readonly sends: boolean; readonly what: string };

function passMessages(schedule: Schedule, capacity: number): void {
  const inboxes: Inbox[] = schedule.map(() => ({ activations: new Set(), gradients: new Set() }));
  const positions = schedule.map(() => 0);
  let moved = true;
  while (moved) {
    moved = false;
    for (const [stage, instructions] of schedule.entries()) {
      let next = instructions[positions[stage]!];
      while (next !== undefined && perform(next, messageOf(next, stage, inboxes), capacity)) {
        next = instructions[++positions[stage]!];
        moved = true;
      }
    }
  }
  const waits = schedule.flatMap((instructions, stage) => {
    const next = instructions[positions[stage]!];
    return next === undefined ? [] : [describeWait(stage, next, messageOf(next, stage, inboxes), capacity)];
  });
  if (waits.length > 0) throw new ScheduleDeadlockError(waits);
}

/** The queue that an instruction puts into or takes from; undefined for computation, which never waits. */
function messageOf({ kind }: Instruction, stage: number, inboxes: readonly Inbox[]): Message | undefined {
  switch (kind) {
    case 'sendActivation':
      return { queue: inboxes[stage + 1]!.activations, peer: stage + 1, sends: true, what: 'activations' };
    case 'receiveActivation':
      return { queue: inboxes[stage]!.activations, peer: stage - 1, sends: false, what: 'activation' };
    case 'sendGradient':
      return { queue: inboxes[stage - 1]!.gradients, peer: stage - 1, sends: true, what: 'gradients' };
    case 'receiveGradient':
      return { queue: inboxes[stage]!.gradients, peer: stage + 1, sends: false, what: 'gradient' };
    case 'forward':
    case 'backward':
    case 'forwardBackward':
    case 'update':
      return undefined;
    default:
      return kind satisfies never;
  }
}

/** Does the instruction if it need not wait; says whether it was done. */
function perform(instruction: Instruction, message: Message | undefined, capacity: number): boolean {
  if (message === undefined || instruction.kind === 'update') return true;
  const { queue, sends } = message;
  if (!sends) return queue.delete(instruction.microBatch);
  if (queue.size >= capacity) return false;
  queue.add(instruction.microBatch);
  return true;
}

function describeWait(stage: number, next: Instruction, message: Message | undefined, capacity: number): string {
  const at = `stage ${stage} waits at ${formatInstruction(next)}`;
  if (message === undefined || next.kind === 'update') return at;
  const { peer, sends, what } = message;
  return sends
    ? `${at} for stage ${peer} to take one of the ${capacity} ${what} in its queue`
    : `${at} for stage ${peer} to send the ${what} of micro-batch ${next.microBatch}`;
}
