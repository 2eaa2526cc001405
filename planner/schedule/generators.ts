import { CountError } from '../errors.ts';
import { backward, forward, type Instruction, type Schedule, type StageInstructions, update } from './instruction.ts';

export const scheduleNames = ['1f1b', 'eager-1f1b', 'gpipe'] as const;
export type ScheduleName = (typeof scheduleNames)[number];
export const defaultSchedule: ScheduleName = '1f1b';

type Generator = (stage: number, stages: number, microBatches: number) => StageInstructions;

/**
 * One forward, one backward, with a flush before the update (PipeDream-Flush; Narayanan et al., arXiv 2006.09503).
 * Stage s runs ahead by as many forwards as there are stages behind it, then alternates, so that it keeps at most
 * `stages - s` micro-batches in flight whatever their number.
 */
const oneForwardOneBackward: Generator = (stage, stages, microBatches) => alternating(stages - stage - 1, microBatches);

/**
 * The same with twice as many forwards ahead, at most `2 · (stages - s) - 1` micro-batches in flight: a micro-batch may be on
 * a link each way for as long as a stage computes one before anybody waits for it (eager-1F1B; Zhuang et al.,
 * arXiv 2211.05322, section 4).
 */
const eagerOneForwardOneBackward: Generator = (stage, stages, microBatches) =>
  alternating(2 * (stages - stage - 1), microBatches);

/** `ahead` forwards, one forward and one backward in turn, the backwards that are left. */
function alternating(ahead: number, microBatches: number): StageInstructions {
  const warmUp = Math.min(microBatches, ahead);
  const instructions: Instruction[] = [];
  for (let k = 0; k < warmUp; k++) instructions.push(forward(k));
  for (let k = warmUp; k < microBatches; k++) instructions.push(forward(k), backward(k - warmUp));
  for (let k = microBatches - warmUp; k < microBatches; k++) instructions.push(backward(k));
  return [...instructions, update];
}

/**
 * All forwards, then all backwards (Huang et al., arXiv 1811.06965): every micro-batch is in flight at once.
 * Backwards run in the order of the forwards, not in reverse, so that gradients are accumulated in the same order as
 * under 1F1B and both give the same sums bit for bit.
 */
const gpipe: Generator = (_stage, _stages, microBatches) => {
  const each = Array.from({ length: microBatches }, (_, k) => k);
  return [...each.map(forward), ...each.map(backward), update];
};

/** The schedules by name. They hold computation only; `addCommunication` adds what travels. */
export const schedules = {
  '1f1b': oneForwardOneBackward,
  'eager-1f1b': eagerOneForwardOneBackward,
  gpipe,
} satisfies Record<ScheduleName, Generator>;

/** Computation of every stage under the named schedule. Throws `CountError` unless both counts are at least 1. */
export function generateSchedule(name: ScheduleName, stages: number, microBatches: number): Schedule {
  requireCount('the number of stages', stages);
  requireCount('the number of micro-batches', microBatches);
  return Array.from({ length: stages }, (_, stage) => schedules[name](stage, stages, microBatches));
}

function requireCount(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) throw new CountError(what, value);
}
