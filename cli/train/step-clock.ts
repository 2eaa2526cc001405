/** Notes when steps are done. */
export interface StepClock {
  /** A step is done now. */
  tick(): void;
  /** From the end of one step to that of the next; none for the first, which began with the boards' loading. */
  stepSeconds(): readonly number[];
}

export function startStepClock(now: () => number = () => performance.now()): StepClock {
  const ends: number[] = [];
  return {
    tick: () => void ends.push(now() / 1000),
    stepSeconds: () => ends.slice(1).map((end, index) => end - ends[index]!),
  };
}
