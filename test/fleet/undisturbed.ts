import type { ExecutionContext } from 'ava';

/** The losses of a run that was disturbed are those of one that was not: each step once, relative 1e-5. */
export function assertSameTrace(t: ExecutionContext, losses: readonly number[], undisturbed: readonly number[]): void {
  t.is(losses.length, undisturbed.length);
  for (const [step, loss] of losses.entries()) {
    const expected = undisturbed[step]!;
    const difference = Math.abs(loss - expected) / Math.abs(expected);
    t.true(difference <= 1e-5, `step ${step}: ${loss}, not ${expected}`);
  }
}
