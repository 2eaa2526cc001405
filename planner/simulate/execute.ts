import type { Instruction, Schedule } from '../schedule/index.ts';
import type { StageTimes } from '../times.ts';

/** The way between a stage and the one behind it: activations go there, gradients come back. */
export type LinkTimes = {
  readonly activation: DirectionTimes;
  readonly gradient: DirectionTimes;
};

/**
 * Of one tensor: how long it keeps the link busy, how much later than that it is in the receiver's hands, and how long it
 * keeps the sender's wire busy, which both its links share.
 */
export type DirectionTimes = { readonly occupancy: number; readonly latency: number; readonly onWire: number };

export type Work = 'forward' | 'backward' | 'update';

/** Something that a stage's board computed. `forward` on a fused loss stage stands for both passes. */
export type Span = {
  readonly stage: number;
  readonly step: number;
  readonly work: Work | 'forwardBackward';
  readonly microBatch: number;
  readonly start: number;
  readonly end: number;
};

/** A tensor under way from one stage to its neighbour. */
export type Transit = {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly microBatch: number;
  readonly start: number;
  /** When the link is free again, and when the tensor has arrived. */
  readonly free: number;
  readonly end: number;
};

/** A stage that had nothing to do until a tensor came. */
export type Wait = { readonly stage: number; readonly step: number; readonly for: number; readonly seconds: number };

export type Execution = {
  readonly spans: readonly Span[];
  readonly transits: readonly Transit[];
  readonly waits: readonly Wait[];
  /** When all stages had done each step. */
  readonly ends: readonly number[];
};

/**
 * Carries out a schedule for some steps in virtual time, as stages do: one instruction after another; a receive waits
 * for its tensor; a send takes its turn on its link and the stage goes on meanwhile. A stage begins the next step as
 * soon as it has done its update. The schedule must be one that `validateSchedule` accepts.
 */
export function executeSchedule(
  schedule: Schedule,
  stages: readonly StageTimes[],
  links: readonly LinkTimes[],
  steps: number,
): Execution {
  const execution = new Run(schedule, stages, links);
  for (let step = 0; step < steps; step++) execution.step(step);
  return execution;
}

class Run implements Execution {
  readonly spans: Span[] = [];
  readonly transits: Transit[] = [];
  readonly waits: Wait[] = [];
  readonly ends: number[] = [];
  readonly #schedule: Schedule;
  readonly #stages: readonly StageTimes[];
  readonly #links: readonly LinkTimes[];
  /** When each stage, its wire, and each direction of each link, is free. */
  readonly #free: Float64Array;
  readonly #wireFree: Float64Array;
  readonly #activationFree: Float64Array;
  readonly #gradientFree: Float64Array;
  /** Arrivals by stage and micro-batch. */
  #activations: Map<number, number>[] = [];
  #gradients: Map<number, number>[] = [];
  #now = 0;

  constructor(schedule: Schedule, stages: readonly StageTimes[], links: readonly LinkTimes[]) {
    this.#schedule = schedule;
    this.#stages = stages;
    this.#links = links;
    this.#free = new Float64Array(stages.length);
    this.#wireFree = new Float64Array(stages.length);
    this.#activationFree = new Float64Array(links.length);
    this.#gradientFree = new Float64Array(links.length);
  }

  step(step: number): void {
    this.#now = step;
    this.#activations = this.#stages.map(() => new Map());
    this.#gradients = this.#stages.map(() => new Map());
    const positions = this.#stages.map(() => 0);
    for (let moved = true; moved; ) {
      moved = false;
      for (const [stage, instructions] of this.#schedule.entries()) {
        for (let next = instructions[positions[stage]!]; next !== undefined; next = instructions[positions[stage]!]) {
          if (!this.#perform(stage, next)) break;
          positions[stage]!++;
          moved = true;
        }
      }
    }
    this.ends.push(Math.max(...this.#free));
  }

  /** Whether the instruction could be done: a receive cannot as long as its sender has not sent. */
  #perform(stage: number, instruction: Instruction): boolean {
    const { forward, backward, update } = this.#stages[stage]!;
    switch (instruction.kind) {
      case 'receiveActivation':
        return this.#receive(stage, stage - 1, this.#activations[stage]!.get(instruction.microBatch));
      case 'receiveGradient':
        return this.#receive(stage, stage + 1, this.#gradients[stage]!.get(instruction.microBatch));
      case 'forward':
        return this.#compute(stage, 'forward', instruction.microBatch, forward);
      case 'backward':
        return this.#compute(stage, 'backward', instruction.microBatch, backward);
      case 'forwardBackward':
        return this.#compute(stage, 'forwardBackward', instruction.microBatch, forward + backward);
      case 'update':
        return this.#compute(stage, 'update', 0, update);
      case 'sendActivation': {
        const arrival = this.#send(stage, stage + 1, instruction.microBatch);
        this.#activations[stage + 1]!.set(instruction.microBatch, arrival);
        return true;
      }
      case 'sendGradient': {
        const arrival = this.#send(stage, stage - 1, instruction.microBatch);
        this.#gradients[stage - 1]!.set(instruction.microBatch, arrival);
        return true;
      }
      default:
        return instruction satisfies never;
    }
  }

  #compute(stage: number, work: Span['work'], microBatch: number, seconds: number): true {
    const start = this.#free[stage]!;
    const end = start + seconds;
    this.spans.push({ stage, step: this.#now, work, microBatch, start, end });
    this.#free[stage] = end;
    return true;
  }

  #receive(stage: number, from: number, arrival: number | undefined): boolean {
    if (arrival === undefined) return false;
    const seconds = arrival - this.#free[stage]!;
    if (seconds <= 0) return true;
    this.waits.push({ stage, step: this.#now, for: from, seconds });
    this.#free[stage] = arrival;
    return true;
  }

  #send(from: number, to: number, microBatch: number): number {
    const forwards = to > from;
    const link = Math.min(from, to);
    const lane = forwards ? this.#activationFree : this.#gradientFree;
    const { occupancy, latency, onWire } = forwards ? this.#links[link]!.activation : this.#links[link]!.gradient;
    const start = Math.max(this.#free[from]!, lane[link]!, this.#wireFree[from]!);
    const free = start + occupancy;
    lane[link] = free;
    this.#wireFree[from] = start + onWire;
    this.transits.push({ from, to, step: this.#now, microBatch, start, free, end: free + latency });
    return free + latency;
  }
}
