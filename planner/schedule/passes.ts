import type { Instruction, Schedule, StageInstructions } from './instruction.ts';

/**
 * Adds what travels between neighbours: a tensor is received right before it is needed and sent right after it is
 * made. Stage 0 receives no activation and sends no gradient; the last stage receives no gradient and sends no
 * activation.
 */
export function addCommunication(schedule: Schedule): Schedule {
  return schedule.map((instructions, stage) => {
    const first = stage === 0;
    const last = stage === schedule.length - 1;
    return instructions.flatMap((instruction) => withCommunication(instruction, first, last));
  });
}

function withCommunication(instruction: Instruction, first: boolean, last: boolean): readonly Instruction[] {
  if (instruction.kind === 'update') return [instruction];
  const { kind, microBatch } = instruction;
  const forwards = kind === 'forward' || kind === 'forwardBackward';
  const backwards = kind === 'backward' || kind === 'forwardBackward';
  const around: Instruction[] = [];
  if (forwards && !first) around.push({ kind: 'receiveActivation', microBatch });
  if (backwards && !last) around.push({ kind: 'receiveGradient', microBatch });
  around.push(instruction);
  if (forwards && !last) around.push({ kind: 'sendActivation', microBatch });
  if (backwards && !first) around.push({ kind: 'sendGradient', microBatch });
  return around;
}

/**
 * On the last stage, a forward directly followed by the backward of the same micro-batch becomes one
 * `forwardBackward`: one run of the engine, with nothing to stash between the two.
 */
export function fuseLossStage(schedule: Schedule): Schedule {
  return schedule.map((instructions, stage) => (stage === schedule.length - 1 ? fuse(instructions) : instructions));
}

function fuse(instructions: StageInstructions): StageInstructions {
  const fused: Instruction[] = [];
  for (const instruction of instructions) {
    const previous = fused.at(-1);
    const completes =
      instruction.kind === 'backward' && previous?.kind === 'forward' && previous.microBatch === instruction.microBatch;
    if (completes) fused[fused.length - 1] = { kind: 'forwardBackward', microBatch: instruction.microBatch };
    else fused.push(instruction);
  }
  return fused;
}

/**
 * The most micro-batches that a stage keeps between their forward and their backward: the places its stash needs.
 * 0 for a loss stage whose pairs are all fused.
 */
export function stashSlots(instructions: StageInstructions): number {
  let inFlight = 0;
  let most = 0;
  for (const { kind } of instructions) {
    if (kind === 'forward') most = Math.max(most, ++inFlight);
    if (kind === 'backward') inFlight--;
  }
  return most;
}
