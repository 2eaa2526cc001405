import { ScheduleError } from '../errors.ts';
import type { MicroBatchKind, StageInstructions } from './instruction.ts';
import { formatInstruction } from './text.ts';

/** Where a stage lies: the first has nobody before it, the last nobody behind it. One stage alone is both. */
type Edges = { readonly first: boolean; readonly last: boolean };

type Rule = {
  /** Whether a stage at these edges has this instruction, exactly once for every micro-batch. */
  readonly belongs: (edges: Edges) => boolean;
  /** What must have happened to the same micro-batch before, on the same stage. */
  readonly after: (edges: Edges) => readonly MicroBatchKind[];
};

const rules = {
  forward: { belongs: () => true, after: ({ first }) => (first ? [] : ['receiveActivation']) },
  backward: { belongs: () => true, after: ({ last }) => (last ? ['forward'] : ['forward', 'receiveGradient']) },
  receiveActivation: { belongs: ({ first }) => !first, after: () => [] },
  sendActivation: { belongs: ({ last }) => !last, after: () => ['forward'] },
  receiveGradient: { belongs: ({ last }) => !last, after: () => ['sendActivation'] },
  sendGradient: { belongs: ({ first }) => !first, after: () => ['backward'] },
} satisfies Record<Exclude<MicroBatchKind, 'forwardBackward'>, Rule>;

type Step = keyof typeof rules;
const steps = Object.keys(rules) as readonly Step[];

/**
 * Holds one stage's list against the rules that need no neighbour: every micro-batch goes forward and then backward
 * once, what it needs is received before and what it makes is sent after, and one update ends the list.
 * Throws `ScheduleError`.
 */
export function checkStage(instructions: StageInstructions, stage: number, stages: number, microBatches: number): void {
  const edges = { first: stage === 0, last: stage === stages - 1 };
  const done = Object.fromEntries(steps.map((step) => [step, new Set<number>()])) as Record<Step, Set<number>>;
  for (const [index, instruction] of instructions.entries()) {
    const refuse = (problem: string): never => {
      throw new ScheduleError(stage, `${formatInstruction(instruction)} (instruction ${index}) ${problem}`);
    };
    if (instruction.kind === 'update') {
      if (index !== instructions.length - 1) refuse('is not the last instruction');
      continue;
    }
    const { kind, microBatch } = instruction;
    if (microBatch >= microBatches || microBatch < 0) refuse(`is outside of the ${microBatches} micro-batches`);
    if (kind === 'forwardBackward' && !edges.last) refuse('fuses on a stage that does not compute the loss');
    for (const step of kind === 'forwardBackward' ? (['forward', 'backward'] as const) : [kind]) {
      if (!rules[step].belongs(edges)) refuse(`has no neighbour on this side of ${stages} stages`);
      if (done[step].has(microBatch)) refuse('is done twice');
      const missing = rules[step].after(edges).find((needed) => !done[needed as Step].has(microBatch));
      if (missing !== undefined) refuse(`comes before its ${missing}`);
      done[step].add(microBatch);
    }
  }
  if (instructions.at(-1)?.kind !== 'update') throw new ScheduleError(stage, 'the list does not end with an update');
  requireAll(done, edges, stage, microBatches);
}

function requireAll(done: Record<Step, Set<number>>, edges: Edges, stage: number, microBatches: number): void {
  for (const step of steps) {
    if (!rules[step].belongs(edges)) continue;
    for (let k = 0; k < microBatches; k++) {
      if (!done[step].has(k)) throw new ScheduleError(stage, `micro-batch ${k} has no ${step}`);
    }
  }
}
